//! What statistics can be grouped by.

use std::{fmt, str::FromStr};

use polars::prelude::{DataFrame, DataType, PolarsResult};
use trace::{PageEvent, Row as _, SlabEvent};

use crate::{
    Error,
    columns::i64s,
    matched::{Row, UNKNOWN},
    names::Names,
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
    ($($key:ident $name:literal $title:literal $column:literal $in_page:literal $in_slab:literal #[doc = $doc:literal])*) => {
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

            /// The column of the matched frames that holds it.
            pub(crate) const fn column(self) -> &'static str {
                match self { $(Self::$key => $column),* }
            }

            /// Whether these events have it.
            pub const fn is_in(self, events: Events) -> bool {
                match (self, events) { $((Self::$key, Events::Page) => $in_page, (Self::$key, Events::Slab) => $in_slab),* }
            }
        }
    };
}

keys! {
    Zone "zone" "Zone" "zone" true false /// zone of the frames
    Node "node" "Node" "node" true true /// NUMA node of the frames; of a kernel object: the node that was asked for
    Order "order" "Order" "order" true false /// log2 of the pages that were asked for
    Migratetype "migratetype" "Migratetype" "migratetype" true false /// migratetype that was asked for
    Gfp "gfp" "GFP flags" "gfp" true true /// GFP mask as a whole, in the words of the traced kernel
    Flag "flag" "GFP flag" "flag" true true /// each single GFP bit: an allocation counts once for every bit in its mask
    Callsite "callsite" "Call site" "callsite" false true /// kernel function and offset that asked
    Function "function" "Function" "function" false true /// kernel function that asked
    Cache "cache" "Cache" "cache" false true /// number of the `kmem_cache`
    Comm "comm" "Process name" "comm" true true /// name of the thread
    Process "process" "Process" "process" true true /// process (tgid)
    Pid "pid" "Thread" "pid" true true /// thread (the kernel's pid)
    Cpu "cpu" "CPU" "cpu" true true /// CPU that asked
    Kind "kind" "Event" "kind" true true /// kind of the event itself, whether it allocates or frees
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
        Self::ALL.iter().copied().find(|key| key.name() == name).ok_or_else(|| Error::Unknown { what: "key", given: name.to_owned(), known: known() })
    }
}

impl Key {
    /// Whether its values are numbers, to be sorted and aligned as such.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Order | Self::Node | Self::Pid | Self::Process | Self::Cpu | Self::Cache)
    }

    /// Its value in each row of a matched frame. Not for [`Key::Flag`], of which a row has several.
    pub(crate) fn values(self, frame: &DataFrame, names: &Names<'_>) -> Result<Vec<i64>, Error> {
        let column = if self == Self::Function { Self::Callsite.column() } else { self.column() };
        let cast = || -> PolarsResult<DataFrame> { DataFrame::new_infer_height(vec![frame.column(column)?.cast(&DataType::Int64)?]) };
        let values = cast().map_err(Error::polars("the values of a key"))?;
        let values = i64s(&values, column)?;
        Ok(match self {
            Self::Function => values.iter().map(|id| names.representative(id.cast_unsigned()).cast_signed()).collect(),
            _ => values.to_vec(),
        })
    }

    /// Its value in one row.
    pub(crate) fn of(self, row: &Row, names: &Names<'_>) -> i64 {
        match self {
            Self::Zone => row.zone,
            Self::Node => row.node,
            Self::Order => row.order,
            Self::Migratetype => row.migratetype,
            Self::Gfp | Self::Flag => row.gfp,
            Self::Callsite => row.callsite,
            Self::Function => names.representative(row.callsite.cast_unsigned()).cast_signed(),
            Self::Cache => row.cache,
            Self::Comm => row.comm,
            Self::Process => row.process,
            Self::Pid => row.pid,
            Self::Cpu => row.cpu,
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
            Self::Comm => names.comm(value as u32),
            Self::Kind => names.kind(value as u8),
            Self::Node | Self::Order | Self::Cache | Self::Process | Self::Pid | Self::Cpu => value.to_string(),
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
