//! What fallbacks can be grouped by.

use std::{fmt, str::FromStr};

use super::fallback::{Fallback, Severity};
use crate::{Error, Key, Names, present::table::Unit};

/// A property of a fallback, which fallbacks can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// how much the fallback harms
    Severity,
    /// the migratetype that lost the block
    From,
    /// order of the block that was taken
    FallbackOrder,
    /// a key of all allocations
    Key(Key),
}

impl By {
    /// All keys: what the event itself tells, or the allocation that it was for.
    pub const ALL: [Self; 14] = [
        Self::Severity,
        Self::Key(Key::Migratetype),
        Self::From,
        Self::Key(Key::Order),
        Self::FallbackOrder,
        Self::Key(Key::Zone),
        Self::Key(Key::Comm),
        Self::Key(Key::Process),
        Self::Key(Key::Pid),
        Self::Key(Key::Cgroup),
        Self::Key(Key::Callsite),
        Self::Key(Key::Function),
        Self::Key(Key::Cpu),
        Self::Key(Key::Time),
    ];
    /// The keys that are taken unless others are asked for.
    pub const DEFAULT: [Self; 4] = [Self::Severity, Self::Key(Key::Migratetype), Self::From, Self::Key(Key::Comm)];

    /// Returns the name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::From => "from",
            Self::FallbackOrder => "fallback_order",
            Self::Key(key) => key.name(),
        }
    }

    /// Returns what the key means, in a line.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Severity => "severe, moderate or harmless",
            Self::From => "migratetype that the block was taken from",
            Self::FallbackOrder => "order of the block that was taken",
            Self::Key(Key::Callsite | Key::Function) => "who asked, where the allocation has a stack (record --stacks)",
            Self::Key(Key::Time) => "when it happened, since the start: intervals of round length",
            Self::Key(key) => key.doc(),
        }
    }

    /// Returns the heading of the column.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Severity => "Severity",
            Self::From => "Taken from",
            Self::FallbackOrder => "Block order",
            Self::Key(Key::Migratetype) => "Asked for",
            Self::Key(key) => key.title(),
        }
    }

    /// Returns what the values are numbers of.
    pub(super) fn unit(self) -> Unit {
        match self {
            Self::Severity | Self::From => Unit::Text,
            Self::FallbackOrder => Unit::Number,
            Self::Key(key) => key.unit(),
        }
    }

    /// Returns whether only a stack tells the value.
    pub(super) fn is_call_site(self) -> bool {
        matches!(self, Self::Key(Key::Callsite | Key::Function))
    }

    /// Returns the value that this key has for a fallback.
    pub(super) fn of(self, fallback: &Fallback, names: &Names<'_>) -> i64 {
        match self {
            Self::Severity => fallback.severity as i64,
            Self::From => i64::from(fallback.from),
            Self::FallbackOrder => i64::from(fallback.order),
            Self::Key(key) => key.of(&fallback.event(), names),
        }
    }

    /// Returns a value of the key in words.
    pub(super) fn decode(self, value: i64, names: &Names<'_>) -> String {
        match self {
            Self::Severity => Severity::ALL.get(value as usize).map_or("-", |severity| severity.name()).to_owned(),
            Self::From => names.header.migratetype_name(value as u8),
            Self::FallbackOrder => value.to_string(),
            Self::Key(key) => key.decode(value, names),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for By {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|by| by.name() == name).ok_or_else(|| Error::Unknown {
            what: "key",
            given: name.to_owned(),
            known: known(),
        })
    }
}
