//! The machine: zones, nodes and CPUs, as plain values.

use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};

use crate::NodeId;

/// Kinds of zone, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ZoneType {
    /// The first 16 MiB, for 24-bit DMA engines.
    Dma = 0,
    /// Below 4 GiB, for 32-bit DMA engines (64-bit machines).
    Dma32 = 1,
    /// Memory the kernel maps permanently.
    Normal = 2,
    /// Memory the kernel maps on demand (32-bit machines, above 896 MiB).
    HighMem = 3,
    /// Memory only movable pages may use, so that it can be taken away.
    Movable = 4,
    /// Memory of devices, which is never allocated from here (64-bit kernels).
    Device = 5,
}

/// Number of zone types.
pub const ZONE_TYPES: usize = 6;

impl ZoneType {
    /// All types, lowest first.
    pub const ALL: [Self; ZONE_TYPES] =
        [Self::Dma, Self::Dma32, Self::Normal, Self::HighMem, Self::Movable, Self::Device];

    /// Position in arrays by zone type.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Name as in `/proc/zoneinfo`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dma => "DMA",
            Self::Dma32 => "DMA32",
            Self::Normal => "Normal",
            Self::HighMem => "HighMem",
            Self::Movable => "Movable",
            Self::Device => "Device",
        }
    }

    /// The type with this `/proc/zoneinfo` name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name().eq_ignore_ascii_case(name))
    }

    /// Low memory: has a permanent kernel address.
    pub const fn is_lowmem(self) -> bool {
        matches!(self, Self::Dma | Self::Dma32 | Self::Normal)
    }
}

/// One populated zone of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZoneSpec {
    /// Which zone.
    pub kind: ZoneType,
    /// The node it belongs to.
    pub node: NodeId,
    /// First page frame (`start_pfn` of `/proc/zoneinfo`).
    pub start_pfn: u64,
    /// Pages from first to last, holes included.
    pub spanned: u64,
    /// Pages that exist.
    pub present: u64,
    /// Pages the buddy allocator manages.
    pub managed: u64,
}

/// A machine's memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// What to call the machine in messages.
    pub name: String,
    /// Zones by node, then by address.
    pub zones: Vec<ZoneSpec>,
    /// CPUs; each has lists of its own in every zone.
    pub cpus: u16,
    /// Zone types the kernel was configured with, populated or not: the columns of `lowmem_reserve`.
    pub configured: Vec<ZoneType>,
    /// Where the direct map starts: virtual = physical + this.
    pub page_offset: u64,
}

/// Start of the direct map on x86-32 with the usual 3:1 split.
pub const PAGE_OFFSET_X86_32: u64 = 0xC000_0000;
/// Start of the direct map on x86-64 with four-level page tables and no KASLR.
pub const PAGE_OFFSET_X86_64: u64 = 0xffff_8880_0000_0000;

/// First frame of DMA32 on x86: 16 MiB.
const DMA_END: u64 = 16 << 20 >> 12;
/// First frame of NORMAL on x86-64: 4 GiB.
const DMA32_END: u64 = 4 << 30 >> 12;
/// First frame of HIGHMEM on x86-32: 896 MiB.
const LOWMEM_END_X86_32: u64 = 896 << 20 >> 12;

impl Layout {
    /// An x86-64 machine with one node and `pages` frames without holes: DMA, DMA32, NORMAL. Frame 0 belongs to the
    /// firmware.
    pub fn x86_64(pages: u64, cpus: u16) -> Self {
        let configured = vec![ZoneType::Dma, ZoneType::Dma32, ZoneType::Normal, ZoneType::Movable, ZoneType::Device];
        let bounds = [
            (ZoneType::Dma, 1, DMA_END),
            (ZoneType::Dma32, DMA_END, DMA32_END),
            (ZoneType::Normal, DMA32_END, u64::MAX),
        ];
        Self::flat("x86-64", pages, cpus, &bounds, configured, PAGE_OFFSET_X86_64)
    }

    /// An x86-32 machine with one node: DMA, NORMAL to 896 MiB, HIGHMEM above.
    pub fn x86_32(pages: u64, cpus: u16) -> Self {
        let configured = vec![ZoneType::Dma, ZoneType::Normal, ZoneType::HighMem, ZoneType::Movable];
        let bounds = [
            (ZoneType::Dma, 1, DMA_END),
            (ZoneType::Normal, DMA_END, LOWMEM_END_X86_32),
            (ZoneType::HighMem, LOWMEM_END_X86_32, u64::MAX),
        ];
        Self::flat("x86-32", pages, cpus, &bounds, configured, PAGE_OFFSET_X86_32)
    }

    fn flat(
        name: &str,
        pages: u64,
        cpus: u16,
        bounds: &[(ZoneType, u64, u64)],
        configured: Vec<ZoneType>,
        page_offset: u64,
    ) -> Self {
        let zone = |&(kind, start_pfn, end): &(ZoneType, u64, u64)| {
            let spanned = end.min(pages).saturating_sub(start_pfn);
            let spec = ZoneSpec { kind, node: NodeId(0), start_pfn, spanned, present: spanned, managed: spanned };
            (spanned > 0).then_some(spec)
        };
        Self { name: name.to_owned(), zones: bounds.iter().filter_map(zone).collect(), cpus, configured, page_offset }
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.zones.iter().map(|z| usize::from(z.node.0) + 1).max().unwrap_or(0)
    }
}
