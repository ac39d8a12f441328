//! The records as they come out of a ring.

use std::mem::offset_of;

use trace::{
    CacheRecord, FragEvent, Kind, PageEvent, ReclaimEvent, SLOT_WORDS, SlabEvent, StackedPageEvent, TaskRecord,
};

/// A record as it came out of a ring. Its addresses are still the kernel's.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// An event of pages, and the return addresses of its kernel stack, innermost first; empty if no stack was taken.
    Page(PageEvent, &'a [u64]),
    /// An event of an object.
    Slab(SlabEvent),
    /// A move of a block of pages from list to list.
    Frag(FragEvent),
    /// An event of reclaim, compaction, kswapd or the OOM killer.
    Reclaim(ReclaimEvent),
    /// The process, name and cgroup of a thread.
    Task(TaskRecord),
    /// The name and sizes of a slab cache.
    Cache(CacheRecord),
}

impl<'a> Record<'a> {
    /// The byte offset of `kind` in a record. Every record starts with `time: u64, pid: u32, cpu: u16, kind: u8`.
    const KIND: usize = 14;

    /// Returns the record in the words of its slots, or `None` if the kind of the record is unknown.
    pub(super) fn decode(words: &'a [u64]) -> Option<Self> {
        fn read<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> Option<T> {
            bytes.get(..size_of::<T>()).map(bytemuck::pod_read_unaligned)
        }
        let bytes = bytemuck::cast_slice(words);
        match Kind::from_number(*bytes.get(Self::KIND)?)? {
            // The words behind a plain event in its slot are left over from an earlier record.
            Kind::PageAlloc | Kind::PageFree if words.len() == SLOT_WORDS => Some(Self::Page(read(bytes)?, &[])),
            Kind::PageAlloc | Kind::PageFree => Some(Self::Page(read(bytes)?, Self::frames(bytes))),
            Kind::Kmalloc | Kind::Kfree | Kind::CacheAlloc | Kind::CacheFree => read(bytes).map(Self::Slab),
            Kind::ZoneLocked | Kind::PcpuDrain | Kind::ExtFrag => read(bytes).map(Self::Frag),
            Kind::Task => read(bytes).map(Self::Task),
            Kind::Cache => read(bytes).map(Self::Cache),
            Kind::DirectReclaimBegin
            | Kind::DirectReclaimEnd
            | Kind::KswapdWake
            | Kind::KswapdSleep
            | Kind::WakeupKswapd
            | Kind::CompactionBegin
            | Kind::CompactionEnd
            | Kind::OomVictim
            | Kind::TryToCompact => read(bytes).map(Self::Reclaim),
        }
    }

    /// Returns the return addresses of a [`StackedPageEvent`].
    fn frames(bytes: &'a [u8]) -> &'a [u64] {
        let length = bytes.get(offset_of!(StackedPageEvent, bytes)..offset_of!(StackedPageEvent, frames));
        let length = length.map_or(0, bytemuck::pod_read_unaligned::<i64>);
        let start = offset_of!(StackedPageEvent, frames);
        let frames = usize::try_from(length).ok().and_then(|length| bytes.get(start..start + length));
        frames.and_then(|frames| bytemuck::try_cast_slice(frames).ok()).unwrap_or_default()
    }
}
