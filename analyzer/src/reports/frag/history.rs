//! The free blocks over time, and how well they are known.

use trace::{FragEvent, FrameRun, Header, PageEvent, Row as _, Trace, VmStat};

use crate::{read::snapshots::Snapshot, units};

/// Most frames whose state is kept, 64 TiB of them: more is no machine, but a damaged header.
const MOST_FRAMES: u64 = 1 << 34;
/// Most pageblocks that are counted in: those of 128 TiB.
const MOST_PAGEBLOCKS: u64 = 1 << 26;
/// No kernel's buddy allocator has more orders.
const MOST_ORDERS: u8 = 21;

/// What the free blocks between two snapshots are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// from what left `free_area` and came back: the events of the family `frag`, and frees that pass the pcp lists by
    FreeArea,
    /// from pages allocated and freed, as if there were no pcp lists
    Pages,
    /// they are not, for this reason
    Snapshots(&'static str),
}

impl Basis {
    /// The basis where [`Basis::Pages`] would be no more than an estimate.
    pub(super) const NO_FRAG: Self = Self::Snapshots(
        "the trace has no events of the family frag (record with --events page,frag; from pages alone, --at and --over-time can only estimate)",
    );

    /// Returns what a trace offers.
    pub fn of(trace: &Trace) -> Self {
        let options = &trace.header.options;
        let filtered = options
            .iter()
            .any(|(name, value)| name.starts_with("filter_") && name != "filter_min_bytes" && !value.is_empty());
        if trace.rows_of(FrameRun::TABLE) == 0 {
            Self::Snapshots(
                "the trace does not say which frames were free at its start (/proc/kpageflags; flight recorders and --no-frames leave it out)",
            )
        } else if !is_plausible(&trace.header) {
            Self::Snapshots("the zones in its header are those of no machine")
        } else if trace.header.sample > 1 {
            Self::Snapshots("only one frame in so many was followed (--sample)")
        } else if filtered {
            Self::Snapshots("a filter kept events out")
        } else if trace.rows_of(PageEvent::TABLE) == 0 {
            Self::Snapshots("the trace has no page events")
        } else if trace.rows_of(FragEvent::TABLE) == 0 {
            Self::Pages
        } else {
            Self::FreeArea
        }
    }

    /// Returns whether the trace says what each frame was used for at its start.
    pub(super) fn knows_frames(trace: &Trace) -> bool {
        trace.rows_of(FrameRun::TABLE) > 0 && is_plausible(&trace.header)
    }
}

/// Returns how many pages compaction isolated between the first snapshot and the last.
pub(super) fn isolated(trace: &Trace) -> u64 {
    let rows = trace.rows::<VmStat>().filter_map(Result::ok).flatten();
    let mut counts = rows.filter(|row| row.item == "compact_isolated").map(|row| row.value);
    let first = counts.next().unwrap_or(0);
    u64::try_from(counts.last().unwrap_or(first).saturating_sub(first)).unwrap_or(0)
}

/// Returns whether so many frames can be kept count of: a damaged or hostile header may claim any number.
fn is_plausible(header: &Header) -> bool {
    let frames = header.zones.iter().map(|zone| zone.spanned).fold(0, u64::saturating_add);
    let pageblocks = frames.checked_shr(u32::from(header.pageblock_order)).unwrap_or(0);
    frames <= MOST_FRAMES && pageblocks <= MOST_PAGEBLOCKS && (1..=MOST_ORDERS).contains(&header.nr_orders)
}

/// Where the free blocks of one moment come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `/proc/buddyinfo` said so
    Read,
    /// the last snapshot and the events since
    Tracked,
}

impl Source {
    /// Returns the name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "buddyinfo",
            Self::Tracked => "events",
        }
    }
}

/// The free blocks of one zone at a moment that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// the blocks; where they were [read](Source::Read), its time is that of the snapshot
    pub blocks: Snapshot,
    /// where they come from
    pub source: Source,
}

/// By how much the tracked free blocks were wrong when `/proc/buddyinfo` was read. From then on they are tracked anew
/// from what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// what was read
    pub read: Snapshot,
    /// free blocks by order, tracked from the snapshot before
    pub tracked: Vec<u64>,
    /// free blocks by order that follow from the frames that were free at the start alone
    pub from_start: Vec<u64>,
}

impl Drift {
    /// Returns the pages in the blocks that one has and the other has not. One block that is two halves in the other
    /// counts twice.
    pub fn pages(&self) -> u64 {
        let both = self.read.nr_free.iter().zip(&self.tracked).enumerate();
        both.map(|(order, (read, tracked))| read.abs_diff(*tracked) << order).fold(0, u64::saturating_add)
    }

    /// Returns [`pages`](Self::pages) as a share of the free pages.
    pub fn share(&self) -> f64 {
        self.pages() as f64 / self.read.free_pages().max(1) as f64
    }
}

/// Pages of events that contradict the tracked free blocks: what the kernel moves without an event shows in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contradictions {
    /// left `free_area`, and were not known to be there: freed past the pcp lists, or an event was lost
    pub left_unseen: u64,
    /// came back, and were believed to be there already: isolated by compaction or reported to a hypervisor, or an
    /// event was lost
    pub came_twice: u64,
    /// were allocated or freed, and were believed to lie in `free_area`: isolated or reported, or an event was lost
    pub used_unseen: u64,
    /// events about what can be no block of any zone
    pub impossible: u64,
}

impl Contradictions {
    /// Returns all of them in a sentence.
    pub fn sentence(&self) -> String {
        let pages = |pages: u64| units::count(pages.cast_signed());
        format!(
            "what contradicts the reckoning, in pages: {} left free_area and were not known to be there (freed past the pcp lists), {} came back and {} were used that were believed free (isolated by compaction or for free page reporting, which have no event); {} events about no block of any zone",
            pages(self.left_unseen),
            pages(self.came_twice),
            pages(self.used_unseen),
            pages(self.impossible)
        )
    }
}

/// The free blocks over time.
#[derive(Debug, Clone)]
pub struct History {
    /// from what they are known between the snapshots
    pub basis: Basis,
    /// from when on they are, ns of the clock; 2^64-1 if never
    pub since: u64,
    /// those of the moments that were asked for, in time order
    pub moments: Vec<Moment>,
    /// how wrong the tracked blocks were, at every snapshot after `since`
    pub drifts: Vec<Drift>,
    /// contradictions since `since`
    pub contradictions: Contradictions,
    /// pages that compaction isolated, free ones and ones in use, between the first snapshot and the last:
    /// `compact_isolated` of /proc/vmstat
    pub isolated: u64,
    /// by zone
    pub scarcity: Vec<Scarcity>,
}

/// For how long a zone had no large blocks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scarcity {
    /// for how long its free blocks are known, ns
    pub known: u64,
    /// by order: for how long no free block of this order or a larger one was there, ns
    pub without: Vec<u64>,
}

impl History {
    /// Returns how the numbers between the snapshots came about, and how good they are.
    pub fn notes(&self, header: &Header) -> Vec<String> {
        let since = units::duration(self.since.saturating_sub(header.clock.start_ns) as f64);
        let mut notes = vec![match self.basis {
            Basis::FreeArea => format!(
                "between the snapshots (from {since} on): the last snapshot and what left free_area and came back since"
            ),
            Basis::Pages => format!(
                "between the snapshots (from {since} on): the last snapshot and the pages allocated and freed since, as if there were no pcp lists: an estimate, record with --events page,frag to know"
            ),
            Basis::Snapshots(why) => return vec![format!("nothing is known between the snapshots: {why}")],
        }];
        let worst = self.drifts.iter().max_by(|a, b| a.share().total_cmp(&b.share()));
        notes.push(match worst {
            Some(worst) => {
                let average = self.drifts.iter().map(Drift::share).sum::<f64>() / self.drifts.len() as f64;
                let at = units::duration(worst.read.time.saturating_sub(header.clock.start_ns) as f64);
                format!(
                    "drift: at the next snapshot, blocks of {:.2} % of a zone's free pages were reckoned wrongly on average, {:.2} % at worst (zone {} at {at}); --drift shows all",
                    average * 100.0,
                    worst.share() * 100.0,
                    header.zone_name(worst.read.zone),
                )
            }
            None => "drift: unknown, there is no later snapshot to compare with".to_owned(),
        });
        if self.isolated > 0 {
            notes.push(format!(
                "! compaction isolated {} pages meanwhile: what it takes out of free_area has no event, and is missing until the next snapshot",
                units::count(self.isolated.cast_signed())
            ));
        }
        notes
    }
}
