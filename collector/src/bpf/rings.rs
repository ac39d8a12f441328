use aya::maps::{Map, MapData, RingBuf};
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF;
use trace::{Kind, PageEvent, SlabEvent, TaskRecord};

use crate::Error;

/// A record as it came out of a ring: addresses are still the kernel's.
#[derive(Debug, Clone, Copy)]
pub enum Record {
    /// pages
    Page(PageEvent),
    /// objects
    Slab(SlabEvent),
    /// a thread's name
    Task(TaskRecord),
}

impl Record {
    /// Every record starts with `time: u64, pid: u32, cpu: u16, kind: u8`.
    const KIND: usize = 14;

    fn decode(bytes: &[u8]) -> Option<Self> {
        // The ring's items are aligned to 8, but that is its business.
        fn read<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> Option<T> {
            bytes.get(..size_of::<T>()).map(bytemuck::pod_read_unaligned)
        }
        match Kind::from_number(*bytes.get(Self::KIND)?)? {
            Kind::PageAlloc | Kind::PageFree => read(bytes).map(Self::Page),
            Kind::Kmalloc | Kind::Kfree | Kind::CacheAlloc | Kind::CacheFree => read(bytes).map(Self::Slab),
            Kind::Task => read(bytes).map(Self::Task),
        }
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

    /// Hands over what is in the ring, at most `limit` records; returns how many. Fewer than `limit` = the ring was emptied.
    pub fn drain(&mut self, limit: usize, sink: &mut impl FnMut(Record)) -> usize {
        for drained in 0..limit {
            let Some(item) = self.ring.next() else { return drained };
            if let Some(record) = Record::decode(&item) {
                sink(record);
            }
        }
        limit
    }
}
