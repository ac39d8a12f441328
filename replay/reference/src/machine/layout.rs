//! The machine's zones, nodes and CPUs, as plain values.

use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};

use crate::NodeId;

/// The types of zone, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ZoneType {
    /// `ZONE_DMA`: the first 16 MiB, for 24-bit DMA engines.
    Dma = 0,
    /// `ZONE_DMA32`: memory below 4 GiB, for 32-bit DMA engines (64-bit machines).
    Dma32 = 1,
    /// `ZONE_NORMAL`: memory that the kernel maps permanently.
    Normal = 2,
    /// `ZONE_HIGHMEM`: memory that the kernel maps on demand (32-bit machines, above 896 MiB).
    HighMem = 3,
    /// `ZONE_MOVABLE`: memory that only movable pages may use, so that it can be emptied and removed.
    Movable = 4,
    /// `ZONE_DEVICE`: memory of devices, which the page allocator never hands out (64-bit kernels).
    Device = 5,
}

/// The number of zone types.
pub const ZONE_TYPES: usize = 6;

impl ZoneType {
    /// All zone types, lowest first.
    pub const ALL: [Self; ZONE_TYPES] =
        [Self::Dma, Self::Dma32, Self::Normal, Self::HighMem, Self::Movable, Self::Device];

    /// Returns the type's position in arrays by zone type.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the type's name in `/proc/zoneinfo`.
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

    /// Returns the type with this `/proc/zoneinfo` name, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name().eq_ignore_ascii_case(name))
    }

    /// Returns whether memory of this type is low memory, which has a permanent kernel address.
    pub const fn is_lowmem(self) -> bool {
        matches!(self, Self::Dma | Self::Dma32 | Self::Normal)
    }
}

/// The description of one populated zone of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZoneSpec {
    /// The type of the zone.
    pub kind: ZoneType,
    /// The node that the zone belongs to.
    pub node: NodeId,
    /// The first page frame (`start_pfn` of `/proc/zoneinfo`).
    pub start_pfn: u64,
    /// The pages from the first to the last, holes included.
    pub spanned: u64,
    /// The pages that exist, holes not included.
    pub present: u64,
    /// The pages that the buddy allocator manages.
    pub managed: u64,
}

/// The description of a machine's memory and CPUs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// The machine's name in messages.
    pub name: String,
    /// The zones, by node, then by address.
    pub zones: Vec<ZoneSpec>,
    /// The number of CPUs, each of which has its own lists in every zone.
    pub cpus: u16,
    /// The zone types that the kernel was configured with, populated or not: the columns of `lowmem_reserve`.
    pub configured: Vec<ZoneType>,
    /// The virtual address where the direct map starts: the virtual address of a page is its physical address plus
    /// this.
    pub page_offset: u64,
}

/// The start of the direct map on x86-32 with the usual 3:1 split.
pub const PAGE_OFFSET_X86_32: u64 = 0xC000_0000;
/// The start of the direct map on x86-64 with four-level page tables and no KASLR.
pub const PAGE_OFFSET_X86_64: u64 = 0xffff_8880_0000_0000;

/// The first frame above DMA on x86: 16 MiB.
const DMA_END: u64 = 16 << 20 >> 12;
/// The first frame of NORMAL on x86-64: 4 GiB.
const DMA32_END: u64 = 4 << 30 >> 12;
/// The first frame of HIGHMEM on x86-32: 896 MiB.
const LOWMEM_END_X86_32: u64 = 896 << 20 >> 12;

impl Layout {
    /// Returns an x86-64 machine with one node and `pages` frames without holes, in the zones DMA, DMA32 and NORMAL.
    /// Frame 0 belongs to the firmware.
    pub fn x86_64(pages: u64, cpus: u16) -> Self {
        let configured = vec![ZoneType::Dma, ZoneType::Dma32, ZoneType::Normal, ZoneType::Movable, ZoneType::Device];
        let bounds = [
            (ZoneType::Dma, 1, DMA_END),
            (ZoneType::Dma32, DMA_END, DMA32_END),
            (ZoneType::Normal, DMA32_END, u64::MAX),
        ];
        Self::flat("x86-64", pages, cpus, &bounds, configured, PAGE_OFFSET_X86_64)
    }

    /// Returns an x86-32 machine with one node: DMA, NORMAL up to 896 MiB, and HIGHMEM above.
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

    /// Returns the number of nodes.
    pub fn nodes(&self) -> usize {
        self.zones.iter().map(|z| usize::from(z.node.0) + 1).max().unwrap_or(0)
    }
}
