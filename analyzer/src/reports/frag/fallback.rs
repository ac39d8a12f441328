//! One fallback (`mm_page_alloc_extfrag`): a request that found its own migratetype's lists empty, and took a block of
//! another's.

use trace::{FragEvent, Header};

use crate::matching::{
    attributes::Attributes,
    event::{Actor, Class, MatchedEvent},
};

/// How much a fallback harms, as mmtests and the kernel's own changelogs count "fragmenting" events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// pages that cannot be moved now lie among movable ones, in a pageblock that compaction can no longer empty
    Severe,
    /// types are mixed in a pageblock in another way
    Moderate,
    /// a whole pageblock or more changed its type: nothing is mixed
    Harmless,
}

impl Severity {
    pub(super) const ALL: [Self; 3] = [Self::Severe, Self::Moderate, Self::Harmless];

    /// Returns the name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severe => "severe",
            Self::Moderate => "moderate",
            Self::Harmless => "harmless",
        }
    }

    /// Judges an event by the orders and migratetypes that it names.
    pub(super) fn of(header: &Header, event: &FragEvent) -> Self {
        let movable = |migratetype: u8| header.migratetype_name(migratetype).eq_ignore_ascii_case("movable");
        if event.fallback_order >= header.pageblock_order {
            Self::Harmless
        } else if movable(event.fallback_migratetype) && !movable(event.migratetype) {
            Self::Severe
        } else {
            Self::Moderate
        }
    }
}

/// One fallback.
pub(super) struct Fallback {
    pub time: u64,
    pub kind: u8,
    pub cpu: u16,
    pub pfn: u64,
    pub severity: Severity,
    pub from: u8,
    /// of the block
    pub order: u8,
    pub changed: bool,
    /// who asked, and for what
    pub attributes: Attributes,
}

impl Fallback {
    /// Returns the fallback as a matched event, which is what keys are about: one whose memory nobody has yet.
    pub fn event(&self) -> MatchedEvent<'_> {
        MatchedEvent {
            time: self.time,
            kind: self.kind,
            class: Class::Unmatched,
            bytes: 0,
            requested: 0,
            delta: 0,
            age: 0,
            on: self.cpu,
            allocated_on: self.cpu,
            address: self.pfn,
            actor: Actor::NOBODY,
            number: 0,
            attributes: &self.attributes,
        }
    }
}
