//! The keys that results can be grouped by.

use std::{fmt, str::FromStr};

use crate::{Error, read::events::Events, units::Unit};

/// The value of a key that is not known. An unmatched free has it, since its allocation is not in the trace.
pub(crate) const UNKNOWN: i64 = -1;

macro_rules! keys {
    ($($key:ident $name:literal $title:literal $in_page:literal $in_slab:literal #[doc = $doc:literal])*) => {
        /// A property of an allocation. A free has the properties of the allocation that it ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Key {
            $( #[doc = $doc] $key, )*
        }

        impl Key {
            /// All keys.
            pub const ALL: &'static [Self] = &[$(Self::$key),*];

            /// Returns the key's name on the command line and in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$key => $name),* }
            }

            /// Returns the heading of the key's column.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$key => $title),* }
            }

            /// Returns the meaning of the key, in a line.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$key => $doc.trim_ascii()),* }
            }

            /// Returns whether events of this sort have the key.
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
    /// Returns the unit of the key's values. Values of the unit `Text` are sorted and aligned as text.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Order | Self::Node | Self::Pid | Self::Process | Self::Cpu => Unit::Number,
            Self::Time => Unit::Duration,
            _ => Unit::Text,
        }
    }

    /// Returns the key whose value this key's value is taken from: the flags come from the whole GFP mask.
    pub(crate) const fn source(self) -> Self {
        if matches!(self, Self::Flag) { Self::Gfp } else { self }
    }

    /// Returns whether the key is one of the [`Attributes`](crate::matching::attributes::Attributes) of an allocation.
    /// All events with the same attributes have the same value of such a key.
    pub(crate) const fn is_attribute(self) -> bool {
        !matches!(self, Self::Class | Self::Time | Self::Kind)
    }

    /// The keys that say which thread asked, and on which CPU.
    pub(crate) const WHO: [Self; 5] = [Self::Comm, Self::Process, Self::Pid, Self::Cgroup, Self::Cpu];
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
