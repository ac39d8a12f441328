use std::mem::offset_of;

use aya::maps::{Map, MapData, RingBuf};
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF;
use trace::{CacheRecord, FragEvent, Kind, PageEvent, ReclaimEvent, SlabEvent, StackedPageEvent, TaskRecord};

use crate::Error;

/// A record as it came out of a ring: addresses are still the kernel's.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// pages, and the stack that led there, innermost first; empty if none was taken
    Page(PageEvent, &'a [u64]),
    /// objects
    Slab(SlabEvent),
    /// blocks between lists
    Frag(FragEvent),
    /// reclaim and its like
    Reclaim(ReclaimEvent),
    /// a thread's name
    Task(TaskRecord),
    /// a cache's name
    Cache(CacheRecord),
}

impl<'a> Record<'a> {
    /// Every record starts with `time: u64, pid: u32, cpu: u16, kind: u8`.
    const KIND: usize = 14;

    fn decode(bytes: &'a [u8]) -> Option<Self> {
        // The ring's items are aligned to 8, but that is its business.
        fn read<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> Option<T> {
            bytes.get(..size_of::<T>()).map(bytemuck::pod_read_unaligned)
        }
        match Kind::from_number(*bytes.get(Self::KIND)?)? {
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

    /// The frames of a [`StackedPageEvent`]; a plain event has none.
    fn frames(bytes: &'a [u8]) -> &'a [u64] {
        let length = bytes.get(offset_of!(StackedPageEvent, bytes)..offset_of!(StackedPageEvent, frames));
        let length = length.map_or(0, bytemuck::pod_read_unaligned::<i64>);
        let start = offset_of!(StackedPageEvent, frames);
        let frames = usize::try_from(length).ok().and_then(|length| bytes.get(start..start + length));
        frames.and_then(|frames| bytemuck::try_cast_slice(frames).ok()).unwrap_or_default()
    }
}

/// One CPU's ring.
pub(super) struct Ring {
    pub cpu: u32,
    pub ring: RingBuf<MapData>,
}

impl Ring {
    /// Makes a ring of `size` bytes: a power of two, at least a page.
    pub fn create(cpu: u32, size: u32) -> Result<Self, Error> {
        let refused = |error: &dyn std::error::Error| Error::bpf(format!("a ring of {size} bytes for CPU {cpu}"))(error);
        let params = aya_obj::Map::new_from_params(BPF_MAP_TYPE_RINGBUF as u32, 0, 0, size, 0);
        let map = MapData::create(params, "gfp_ring", None).map_err(|error| refused(&error))?;
        let ring = RingBuf::try_from(Map::RingBuf(map)).map_err(|error| refused(&error))?;
        Ok(Self { cpu, ring })
    }

    /// Hands over what is in the ring, at most `limit` records; returns how many, and the bytes they took. Fewer than `limit` = the ring was emptied.
    pub fn drain(&mut self, limit: usize, sink: &mut impl FnMut(Record<'_>)) -> (usize, usize) {
        const HEADER: usize = 8;
        let mut bytes = 0;
        for drained in 0..limit {
            let Some(item) = self.ring.next() else { return (drained, bytes) };
            bytes += HEADER + item.len();
            if let Some(record) = Record::decode(&item) {
                sink(record);
            }
        }
        (limit, bytes)
    }
}
