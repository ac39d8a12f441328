//! What the trace itself tells about the frames at its start.
//!
//! `/proc` gives the number of free blocks, not where they are. But a frame whose first event is an allocation was free at the start, and one
//! whose first event is a free was in use. Of the frames that no event touches, `/proc/kpageflags` tells, if the trace has it. This is used for
//! *where* blocks are put, never for how many there are.

use reference::{Layout, Migratetype};
use trace::{FrameRun, Kind, PageEvent};

/// First use of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// No event touched it.
    Untouched,
    /// It was in use at the start: its first event is a free.
    Held,
    /// It was free at the start, and was allocated first for this type.
    Free(Option<Migratetype>),
}

/// First use of every frame, one byte each.
pub(crate) struct Evidence {
    base: u64,
    frames: Vec<u8>,
}

const UNTOUCHED: u8 = 0;
const HELD: u8 = 1;
const FREE: u8 = 2;

impl Evidence {
    pub(crate) fn new(layout: &Layout) -> Self {
        let base = layout.zones.iter().map(|z| z.start_pfn).min().unwrap_or(0);
        let end = layout.zones.iter().map(|z| z.start_pfn + z.spanned).max().unwrap_or(base);
        Self { base, frames: vec![UNTOUCHED; (end - base) as usize] }
    }

    /// Notes one event, in time order.
    pub(crate) fn note(&mut self, event: &PageEvent, migratetype: Option<Migratetype>) {
        let Some(start) = event.pfn.checked_sub(self.base).filter(|_| event.order <= reference::MAX_ORDER) else { return };
        let mark = if event.kind == Kind::PageFree as u8 { HELD } else { FREE + migratetype.map_or(0, |mt| 1 + mt as u8) };
        let end = (start + (1 << event.order)).min(self.frames.len() as u64);
        for frame in start..end {
            let slot = &mut self.frames[frame as usize];
            if *slot == UNTOUCHED {
                *slot = mark;
            }
        }
    }

    /// Notes what kpageflags said of frames that no event touches. It is read while events happen, so these come first.
    pub(crate) fn note_run(&mut self, run: &FrameRun) {
        let mark = if run.class == "free" { FREE } else { HELD };
        let start = run.pfn.max(self.base) - self.base;
        let end = (run.pfn + run.pages).saturating_sub(self.base).min(self.frames.len() as u64);
        for frame in start..end {
            let slot = &mut self.frames[frame as usize];
            if *slot == UNTOUCHED {
                *slot = mark;
            }
        }
    }

    pub(crate) fn first(&self, pfn: u64) -> First {
        match pfn.checked_sub(self.base).and_then(|i| self.frames.get(i as usize)) {
            None | Some(&UNTOUCHED) => First::Untouched,
            Some(&HELD) => First::Held,
            Some(&FREE) => First::Free(None),
            Some(&code) => First::Free(Some(Migratetype::from_index(code - FREE - 1))),
        }
    }
}
