//! What-ifs: one change or several together to the model's configuration.

use std::str::FromStr;

use reference::{Generation, Rules};

use crate::{Error, start::Machine};

/// One what-if: changes of the form `KEY=VALUE`, joined by commas if there are several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    text: String,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Generation(Generation),
    MinFree(u64),
    ScaleFactor(u64),
    BoostFactor(u64),
    Less(u64),
    PageblockOrder(u8),
    Mobility(bool),
    PerCpu(bool),
    NoFragment(bool),
    HighAtomic(bool),
}

impl FromStr for WhatIf {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let changes = text
            .split(',')
            .map(|part| change(part).map_err(|reason| Error::WhatIf { change: part.to_owned(), reason }));
        Ok(Self { text: text.to_owned(), changes: changes.collect::<Result<_, _>>()? })
    }
}

fn change(part: &str) -> Result<Change, String> {
    let (key, value) = part.split_once('=').ok_or("it is not KEY=VALUE")?;
    let number = || value.parse::<u64>().map_err(|_| format!("{value:?} is not a number"));
    let switch = || match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("{value:?} is neither on nor off")),
    };
    Ok(match key {
        "policy" => {
            Change::Generation(Generation::from_name(value).ok_or("the policies are textbook, 6.1, 6.12 and 6.18")?)
        }
        "min_free_kbytes" => Change::MinFree(number()?),
        "watermark_scale_factor" => Change::ScaleFactor(number()?),
        "watermark_boost_factor" => Change::BoostFactor(number()?),
        "less_memory" => Change::Less(number()?),
        "pageblock_order" => match number()? {
            order @ 1..=10 => Change::PageblockOrder(order as u8),
            _ => return Err("a pageblock order lies between 1 and 10".to_owned()),
        },
        "mobility_grouping" => Change::Mobility(switch()?),
        "per_cpu_lists" => Change::PerCpu(switch()?),
        "nofragment" => Change::NoFragment(switch()?),
        "highatomic" => Change::HighAtomic(switch()?),
        _ => return Err(format!("the keys are {}", WhatIf::KEYS.map(|(key, _)| key).join(", "))),
    })
}

impl WhatIf {
    /// The keys of changes with their meaning or values, for help texts.
    pub const KEYS: [(&str, &str); 10] = [
        ("policy", "textbook, 6.1, 6.12 or 6.18: the rules of another kernel generation"),
        ("min_free_kbytes", "kB: the reserve the watermarks are computed from"),
        ("watermark_scale_factor", "1/10000 of memory between the watermarks"),
        ("watermark_boost_factor", "1/10000 of the high mark; 0 switches boosting off"),
        ("less_memory", "MiB to take away"),
        ("pageblock_order", "1 to 10"),
        ("mobility_grouping", "on or off"),
        ("per_cpu_lists", "on or off"),
        ("nofragment", "on or off: spill into DMA32 before breaking pageblocks"),
        ("highatomic", "on or off: reserve pageblocks for atomic requests"),
    ];

    /// Returns the changes as the user wrote them.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the machine with these changes.
    #[must_use]
    pub fn apply(&self, machine: &Machine) -> Machine {
        let mut machine = machine.clone();
        let config = &mut machine.config;
        for change in &self.changes {
            match *change {
                Change::Generation(generation) => {
                    let pageblock_order = config.rules.pageblock_order;
                    config.generation = generation;
                    config.rules = Rules::of(generation);
                    config.rules.pageblock_order = pageblock_order;
                }
                Change::MinFree(kbytes) => {
                    config.tunables.min_free_kbytes = Some(kbytes);
                    machine.follows_marks = false;
                }
                Change::ScaleFactor(factor) => {
                    config.tunables.watermark_scale_factor = factor;
                    machine.follows_marks = false;
                }
                Change::BoostFactor(factor) => config.tunables.watermark_boost_factor = factor,
                Change::Less(mib) => machine.withheld = mib << 8,
                Change::PageblockOrder(order) => config.rules.pageblock_order = order,
                Change::Mobility(on) => config.rules.mobility_grouping = on,
                Change::PerCpu(on) => config.rules.per_cpu_lists = on,
                Change::NoFragment(on) => config.rules.nofragment = on,
                Change::HighAtomic(on) => config.rules.highatomic = on,
            }
        }
        machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_and_refused() {
        let what_if: WhatIf = "mobility_grouping=off,min_free_kbytes=65536".parse().unwrap();
        assert_eq!(what_if.changes, [Change::Mobility(false), Change::MinFree(65536)]);
        for bad in ["x=1", "mobility_grouping=maybe", "min_free_kbytes=much", "pageblock_order=11", "policy"] {
            let error = bad.parse::<WhatIf>().unwrap_err().to_string();
            assert!(error.contains("cannot set"), "{error}");
        }
    }
}
