//! The state of a frame at the start of the trace, in one byte.

use reference::Migratetype;

/// The state of a frame at the start of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtStart {
    /// Nothing in the trace shows the frame's state.
    Untold,
    /// The frame was in use.
    Held(Use),
    /// The frame was used by the kernel or was on a pcp list, and no event touches it.
    Quiet,
    /// The frame was on a free list of the buddy system, as far as is known. The type is that of its first allocation.
    Free(Option<Migratetype>),
    /// The frame was on a pcp list.
    Unlisted,
    /// The frame was on a pcp list or on a free list.
    Either,
}

/// The user of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A user that is not known.
    Someone,
    /// A process or the page cache.
    User,
    /// The kernel: slabs, page tables and more.
    Kernel,
}

/// The state of one frame in one byte: its class in the upper half, and its first event in the lower half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame(pub(super) u8);

const CLASS: u8 = 0xf0;
pub(super) const FREE: u8 = 0x10;
const USER: u8 = 0x20;
const KERNEL: u8 = 0x30;
/// The class of frames without a flag of their own: kernel memory of many kinds, and pages on pcp lists.
const OTHER: u8 = 0x40;
const SOMEONE: u8 = 0x50;
/// The value of a frame that was on a pcp list. It replaces class and event, as [`EITHER`] does.
pub(super) const UNLISTED: u8 = 0xff;
pub(super) const EITHER: u8 = 0xfe;
const FREED: u8 = 1;
/// The first event was an allocation of unknown type. The values above it stand for the known types.
const ALLOCATED: u8 = 2;

impl Frame {
    pub(super) fn of_class(class: &str) -> Self {
        Self(match class {
            "free" => FREE,
            "anon" | "file" => USER,
            "slab" | "page_table" => KERNEL,
            "other" => OTHER,
            _ => SOMEONE,
        })
    }

    pub(super) fn class(self) -> u8 {
        self.0 & CLASS
    }

    pub(super) fn has_event(self) -> bool {
        self.0 & !CLASS != 0
    }

    pub(super) fn note(&mut self, alloc: bool, migratetype: Option<Migratetype>) {
        if !self.has_event() {
            self.0 |= if alloc { ALLOCATED + migratetype.map_or(0, |mt| 1 + mt as u8) } else { FREED };
        }
    }

    pub(super) fn at_start(self) -> AtStart {
        match (self.0 & !CLASS, self.class()) {
            _ if self.0 == UNLISTED => AtStart::Unlisted,
            _ if self.0 == EITHER => AtStart::Either,
            (0, 0) => AtStart::Untold,
            (0, FREE) | (ALLOCATED, _) => AtStart::Free(None),
            (0 | FREED, USER) => AtStart::Held(Use::User),
            (0, OTHER) => AtStart::Quiet,
            (0 | FREED, KERNEL) | (FREED, OTHER) => AtStart::Held(Use::Kernel),
            // A frame whose first event is a free was in use, though it may have been free already when its flags were
            // read.
            (0 | FREED, _) => AtStart::Held(Use::Someone),
            (allocated, _) => AtStart::Free(Some(Migratetype::from_index(allocated - ALLOCATED - 1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_counts_and_then_the_flags() {
        let mut frame = Frame::of_class("free");
        assert_eq!(frame.at_start(), AtStart::Free(None));
        frame.note(true, Some(Migratetype::Isolate));
        frame.note(false, None);
        assert_eq!(frame.at_start(), AtStart::Free(Some(Migratetype::Isolate)));
        let mut frame = Frame::of_class("slab");
        assert_eq!(frame.at_start(), AtStart::Held(Use::Kernel));
        frame.note(false, None);
        assert_eq!(frame.at_start(), AtStart::Held(Use::Kernel));
        let mut frame = Frame::of_class("free");
        frame.note(false, None);
        assert_eq!(
            frame.at_start(),
            AtStart::Held(Use::Someone),
            "freed between the start and the reading of its flags"
        );
        assert_eq!((Frame(0).at_start(), Frame(UNLISTED).at_start()), (AtStart::Untold, AtStart::Unlisted));
    }
}
