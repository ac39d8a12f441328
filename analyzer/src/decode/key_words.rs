//! This module puts the values of keys into words.

use super::{
    key::{Key, UNKNOWN},
    names::Names,
};
use crate::units;

impl Key {
    /// Returns a value of the key in words, or `-` if the value is not known.
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
