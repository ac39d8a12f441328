//! This module computes the values of keys in matched events.

use crate::{
    Key,
    decode::{key::UNKNOWN, names::Names},
    matching::event::MatchedEvent,
};

impl Key {
    /// Returns the value of this key in an event. Values are numbers, so that they can be compared and hashed.
    /// [`Key::decode`] puts them into words.
    pub(crate) fn of(self, event: &MatchedEvent<'_>, names: &Names<'_>) -> i64 {
        match self {
            Self::Zone => event.zone,
            Self::Node => event.node,
            Self::Order => event.order,
            Self::Migratetype => event.migratetype,
            Self::Gfp | Self::Flag => event.gfp,
            Self::Callsite => event.callsite,
            Self::Function if event.callsite == UNKNOWN => UNKNOWN,
            Self::Function => names.representative(event.callsite.cast_unsigned()).cast_signed(),
            Self::Cache => event.cache,
            Self::Class if event.cache == 0 => event.bytes.cast_signed(),
            Self::Class if event.cache == UNKNOWN => UNKNOWN,
            // The shift keeps caches apart from kmalloc's sizes, which have 32 bits.
            Self::Class => event.cache << 32,
            Self::Cgroup => event.cgroup,
            Self::Comm => event.comm,
            Self::Process => event.process,
            Self::Pid => event.pid,
            Self::Cpu => event.cpu,
            Self::Time => {
                (event.time.saturating_sub(names.header.clock.start_ns) / names.interval * names.interval).cast_signed()
            }
            Self::Kind => i64::from(event.kind),
        }
    }
}
