//! What statistics can be grouped by.

use std::{fmt, str::FromStr};

use trace::{PageEvent, Row as _, SlabEvent};

use crate::{
    Error,
    matched::{Row, UNKNOWN},
    names::Names,
    units::{self, Unit},
};

/// The events that a statistic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// pages: the table `page`
    Page,
    /// kernel objects: the table `slab`
    Slab,
}

impl Events {
    /// The trace's table of these events.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Page => PageEvent::TABLE,
            Self::Slab => SlabEvent::TABLE,
        }
    }
}

macro_rules! keys {
    ($($key:ident $name:literal $title:literal $in_page:literal $in_slab:literal #[doc = $doc:literal])*) => {
        /// A property of an allocation. A free has those of the allocation that it ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Key {
            $( #[doc = $doc] $key, )*
        }

        impl Key {
            /// Every key.
            pub const ALL: &'static [Self] = &[$(Self::$key),*];

            /// Its name on the command line and in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$key => $name),* }
            }

            /// The heading of its column.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$key => $title),* }
            }

            /// What it means, in a line.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$key => $doc.trim_ascii()),* }
            }

            /// Whether these events have it.
            pub const fn is_in(self, events: Events) -> bool {
                match (self, events) { $((Self::$key, Events::Page) => $in_page, (Self::$key, Events::Slab) => $in_slab),* }
            }
        }
    };
}

keys! {
    Zone "zone" "Zone" true false /// zone of the frames
    Node "node" "Node" true true /// NUMA node of the frames; of a kernel object: the node that was asked for
    Order "order" "Order" true false /// log2 of the pages that were asked for
    Migratetype "migratetype" "Migratetype" true false /// migratetype that was asked for
    Gfp "gfp" "GFP flags" true true /// GFP mask as a whole, in the words of the traced kernel
    Flag "flag" "GFP flag" true true /// each single GFP bit: an allocation counts once for every bit in its mask
    Callsite "callsite" "Call site" true true /// kernel function and offset that asked; for pages, from their stacks
    Function "function" "Function" true true /// kernel function that asked; for pages, from their stacks
    Cache "cache" "Cache" false true /// name of the `kmem_cache`
    Class "class" "Size class" false true /// name of the `kmem_cache`; of what kmalloc gave out, its size
    Cgroup "cgroup" "Cgroup" true true /// cgroup of the thread that asked
    Comm "comm" "Process name" true true /// name of the thread
    Process "process" "Process" true true /// process (tgid)
    Pid "pid" "Thread" true true /// thread (the kernel's pid)
    Cpu "cpu" "CPU" true true /// CPU that asked
    Time "time" "Time" true true /// when it happened, since the start: intervals of round length, see --interval
    Kind "kind" "Event" true true /// kind of the event itself, whether it allocates or frees
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = || Self::ALL.iter().map(|key| key.name()).collect::<Vec<_>>().join(", ");
        Self::ALL.iter().copied().find(|key| key.name() == name).ok_or_else(|| Error::Unknown {
            what: "key",
            given: name.to_owned(),
            known: known(),
        })
    }
}

impl Key {
    /// Whether its values are numbers, to be sorted and aligned as such, and of which unit.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Order | Self::Node | Self::Pid | Self::Process | Self::Cpu => Unit::Number,
            Self::Time => Unit::Duration,
            _ => Unit::Text,
        }
    }

    /// The key whose value it is taken from: a whole mask says which bits are set.
    pub(crate) const fn source(self) -> Self {
        if matches!(self, Self::Flag) { Self::Gfp } else { self }
    }

    /// Whether it is in a [`Profile`](crate::profile::Profile): all rows with the same profile then have the same
    /// value.
    pub(crate) const fn is_in_profile(self) -> bool {
        !matches!(self, Self::Class | Self::Time | Self::Kind)
    }

    /// Those that say who asked.
    pub(crate) const WHO: [Self; 5] = [Self::Comm, Self::Process, Self::Pid, Self::Cgroup, Self::Cpu];

    /// Its value in one row.
    pub(crate) fn of(self, row: &Row<'_>, names: &Names<'_>) -> i64 {
        match self {
            Self::Zone => row.zone,
            Self::Node => row.node,
            Self::Order => row.order,
            Self::Migratetype => row.migratetype,
            Self::Gfp | Self::Flag => row.gfp,
            Self::Callsite => row.callsite,
            Self::Function if row.callsite == UNKNOWN => UNKNOWN,
            Self::Function => names.representative(row.callsite.cast_unsigned()).cast_signed(),
            Self::Cache => row.cache,
            Self::Class if row.cache == 0 => row.bytes.cast_signed(),
            Self::Class if row.cache == UNKNOWN => UNKNOWN,
            // Above every size that kmalloc can report.
            Self::Class => row.cache << 32,
            Self::Cgroup => row.cgroup,
            Self::Comm => row.comm,
            Self::Process => row.process,
            Self::Pid => row.pid,
            Self::Cpu => row.cpu,
            Self::Time => {
                (row.time.saturating_sub(names.header.clock.start_ns) / names.interval * names.interval).cast_signed()
            }
            Self::Kind => i64::from(row.kind),
        }
    }

    /// A value of the key in words; `-` if it is not known.
    pub(crate) fn decode(self, value: i64, names: &Names<'_>) -> String {
        let header = names.header;
        match self {
            _ if value == UNKNOWN && self != Self::Callsite && self != Self::Function => "-".to_owned(),
            Self::Zone => header.zone_name(value as u8),
            Self::Migratetype => header.migratetype_name(value as u8),
            Self::Gfp => header.gfp.decode(value as u32),
            Self::Flag => names.flag(value as u32),
            Self::Callsite => names.callsite(value.cast_unsigned()),
            Self::Function => names.function(value.cast_unsigned()),
            Self::Cgroup => names.cgroup(value.cast_unsigned()),
            Self::Cache => names.cache(value as u16),
            Self::Class if value >> 32 == 0 => format!("{value} bytes"),
            Self::Class => names.cache((value >> 32) as u16),
            Self::Comm => names.comm(value as u32),
            Self::Kind => names.kind(value as u8),
            Self::Time => units::duration(value as f64),
            Self::Node | Self::Order | Self::Process | Self::Pid | Self::Cpu => value.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_reads_back_by_its_name() {
        for key in Key::ALL {
            assert_eq!(key.name().parse::<Key>().unwrap(), *key);
            assert!(key.is_in(Events::Page) || key.is_in(Events::Slab));
        }
        let error = "zome".parse::<Key>().unwrap_err().to_string();
        assert!(error.contains("`zome`") && error.contains("zone, node, order"), "{error}");
    }
}
