//! The format of a trace, which is the only interface between `collector`, `analyzer` and `replay`.
//!
//! A trace is a directory. Each *table* (see [`tables`]) is stored as a sequence of Arrow IPC files
//! `TABLE-NNNNNN.arrow`, the table's *segments*. Two JSON files give the meaning of the numbers in the tables and the
//! checksums of the segments:
//!
//! | file | holds |
//! | --- | --- |
//! | `trace.json` | the [`Header`]: host, kernel, clock, zones, CPUs, the kernel's own GFP flag table and tracepoint formats, options |
//! | `manifest.jsonl` | one line for each piece that was written, in order: see [`manifest`] |
//! | `page-NNNNNN.arrow` | [`PageEvent`]: pages allocated and freed |
//! | `slab-NNNNNN.arrow` | [`SlabEvent`]: kmalloc, kfree and the slab caches' own calls |
//! | `frag-…` | [`FragEvent`]: pcp lists refilled and drained, blocks taken from other migratetypes |
//! | `reclaim-…` | [`ReclaimEvent`]: direct reclaim, compaction, kswapd, the OOM killer |
//! | `task-…`, `cgroup-…` | the process and name of a `pid` ([`Task`]), and its [`Cgroup`] |
//! | `symbol-…`, `stack-…`, `cache-…` | the meaning of a `call_site` ([`Symbol`]), `stack` ([`Stack`]), `cache` ([`Cache`]) |
//! | `free_area-…`, `pageblock-…`, `zone_stat-…`, `vmstat-…`, `slabinfo-…`, `frame_run-…` | snapshots of `/proc` taken while the events were recorded |
//! | `snapshot-…` | which events fall into the time that a snapshot took ([`SnapshotWindow`]) |
//! | `ledger-…` | what was seen, written, dropped, filtered and missed ([`Ledger`]) |
//!
//! # Reading a trace without this crate
//!
//! Segments are ordinary Arrow IPC files with LZ4 buffers. In Python:
//!
//! ```python
//! import glob, json, pyarrow as pa, pyarrow.ipc as ipc
//! header = json.load(open("trace.json"))
//! files = sorted(glob.glob("page-*.arrow"))
//! pages = pa.concat_tables(ipc.open_file(f).read_all() for f in files)
//! zone = [z["name"] for z in header["zones"]]          # PageEvent.zone indexes this list
//! ```
//!
//! The last segment of a collector that was killed has no footer. To read it, skip its first eight bytes and read the
//! rest as an Arrow *stream*. Every column has its meaning in the field metadata `doc`.
//!
//! # Invariants
//!
//! - A batch that is listed in the manifest is complete in its file, unless the file was damaged later. A batch that is
//!   not listed is treated as never written. A crash costs the rows in memory and nothing else.
//! - Every byte of every segment is covered by one checksum in the manifest, and every line of the manifest by a
//!   checksum of its own.
//! - The rows of one segment are in time order, and the segments of one table follow one another in time.
//! - No kernel virtual address is stored unless the header says `raw_addresses`.
//! - A number that stands for a name (zone, migratetype, kind, GFP bit) is decoded with the tables in the header, never
//!   with constants.
#![cfg_attr(not(feature = "std"), no_std)]

#[macro_use]
mod table;
mod records;

pub use records::{
    CacheRecord, Counters, Family, FragEvent, Kind, Latency, MIGRATETYPES, NO_MIGRATETYPE, NO_ORDER, NO_PFN, ORDERS,
    PageEvent, Program, RING_RESERVE, ReclaimEvent, RingEnds, SLOT_WORDS, STACK_DEPTH, SlabEvent, Slot,
    StackedPageEvent, Strides, Tally, TallyKey, TallyPlan, TaskRecord, UNKNOWN_ZONE, Wait, ZONE_SPANS, columns,
};

#[cfg(feature = "std")]
mod std_only {
    pub use gfp::GfpTable;

    pub use crate::{
        error::Error,
        format::{Field, TracepointFormat},
        header::{Clock, Header, Tool, Zone},
        manifest::{Entry, Problem, ProblemKind},
        reader::{Batch, Segment, Trace},
        table::Row,
        tables::{
            ANY_MIGRATETYPE, Cache, Cgroup, FrameRun, FreeArea, Ledger, Pageblock, SlabInfo, SnapshotWindow, Stack,
            Symbol, Task, VmStat, ZoneStat,
        },
        writer::{Options, Writer, create_directory},
    };
}
#[cfg(feature = "std")]
pub use std_only::*;

#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
mod format;
#[cfg(feature = "std")]
mod header;
#[cfg(feature = "std")]
pub mod manifest;
#[cfg(feature = "std")]
mod print_flags;
#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "std")]
mod segment;
#[cfg(feature = "std")]
pub mod tables;
#[cfg(feature = "std")]
mod writer;
