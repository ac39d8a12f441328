//! Errors: a request that fails, a caller that misuses the allocator, and an invariant that the allocator breaks.

use alloc::string::String;
use core::fmt;

use crate::{Order, Pfn, gfp::BadZoneBits};

/// The reason why an allocation failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllocError {
    /// The order is above [`Order::MAX`].
    OrderTooLarge(Order),
    /// The zone bits of the mask exclude each other.
    BadZoneBits(BadZoneBits),
    /// The mask asks for a page that is movable and reclaimable at once.
    BadMobility,
    /// The CPU or node does not exist.
    NoSuchCpuOrNode,
    /// Every zone that the request may use would fall below its watermark.
    BelowWatermark,
    /// Enough pages are free, but there is no free block of this order.
    Fragmented,
    /// The request has `__GFP_NOFAIL`: a real kernel would wait here for memory; in the model nothing could end the
    /// wait.
    WouldWait,
    /// High memory was requested from a call that returns an address.
    HighMemHasNoAddress,
    /// The size in bytes is above the largest block of pages.
    TooLarge(u64),
    /// The request was for 0 bytes.
    NoBytes,
    /// The address range of `vmalloc` or the pool of `kmap` is used up.
    NoAddressSpace,
    /// The call sleeps, and the mask or context says that the caller must not.
    MaySleep,
    /// The cache was destroyed.
    CacheDestroyed,
    /// The frame number lies in no zone.
    NotAFrame(Pfn),
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OrderTooLarge(order) => write!(f, "order {order} is above the largest order, {}", Order::MAX),
            Self::BadZoneBits(bits) => bits.fmt(f),
            Self::BadMobility => f.write_str("the mask says movable and reclaimable at once"),
            Self::NoSuchCpuOrNode => f.write_str("there is no such CPU or node"),
            Self::BelowWatermark => f.write_str("every allowed zone would fall below its watermark"),
            Self::Fragmented => f.write_str("enough pages are free, but no block of this order"),
            Self::WouldWait => f.write_str("nothing is free, and __GFP_NOFAIL would wait"),
            Self::HighMemHasNoAddress => f.write_str("a page of high memory has no address; use alloc_pages and kmap"),
            Self::TooLarge(bytes) => write!(f, "{bytes} bytes are more than the largest block of pages; use vmalloc"),
            Self::NoBytes => f.write_str("no bytes were asked for"),
            Self::NoAddressSpace => f.write_str("no kernel address space is left for the mapping"),
            Self::MaySleep => f.write_str("this call may sleep, and its caller must not"),
            Self::NotAFrame(pfn) => write!(f, "frame {pfn} lies in no zone"),
            Self::CacheDestroyed => f.write_str("the cache was destroyed"),
        }
    }
}

impl core::error::Error for AllocError {}

/// A misuse of the allocator by its caller. The state of the allocator is unchanged when one of these is returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misuse {
    /// The frame number lies in no zone.
    NotAFrame(Pfn),
    /// The frame is free already, and was allocated before.
    DoubleFree(Pfn),
    /// The frame is free and was never allocated, or was in use before the model began.
    NeverAllocated(Pfn),
    /// The block was allocated with another order.
    WrongOrder {
        /// The first frame of the block.
        pfn: Pfn,
        /// The order with which the block was allocated.
        allocated: Order,
        /// The order with which the block is freed.
        given: Order,
    },
    /// The frame lies inside an allocated block, not at its start.
    NotHead {
        /// The frame that the caller passed.
        pfn: Pfn,
        /// The first frame of the block.
        head: Pfn,
        /// The order of the block.
        order: Order,
    },
    /// The page belongs to the slab layer: free it with `kfree` or `kmem_cache_free`.
    FromSlab(Pfn),
    /// The page is mapped by `vmalloc`: free it with `vfree`.
    FromVmalloc(Pfn),
    /// The address does not belong to the slab layer: free it with `free_pages`.
    NotFromSlab(u64),
    /// The object at this physical address is free already.
    ObjectDoubleFree(u64),
    /// The address lies inside an object, not at its start.
    NotAnObject(u64),
    /// The object belongs to another cache.
    WrongCache(u64),
    /// The object was written to after it was freed: its poison is damaged.
    UseAfterFree(u64),
    /// Something wrote past the object's end: its red zone is damaged.
    RedZoneOverwritten(u64),
    /// The address was never returned by `vmalloc`, or has been freed.
    NotFromVmalloc(u64),
    /// The page is not mapped by `kmap`.
    NotMapped(Pfn),
    /// The atomic mapping to be undone is not the last one made on this CPU.
    KmapOrder,
    /// The frame still has other users: more than one reference, or page tables that lead to it.
    StillReferenced(Pfn),
    /// The cache still has objects in use.
    CacheInUse,
    /// The frame is not allocated.
    NotAllocated(Pfn),
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFrame(pfn) => write!(f, "frame {pfn} lies in no zone"),
            Self::DoubleFree(pfn) => write!(f, "frame {pfn} is free already"),
            Self::NeverAllocated(pfn) => write!(f, "frame {pfn} was never allocated here"),
            Self::WrongOrder { pfn, allocated, given } => {
                write!(f, "block {pfn} was allocated with order {allocated}, freed with order {given}")
            }
            Self::NotHead { pfn, head, order } => {
                write!(f, "frame {pfn} lies inside the order-{order} block that starts at {head}")
            }
            Self::FromSlab(pfn) => write!(f, "frame {pfn} belongs to the slab layer: free it with kfree"),
            Self::FromVmalloc(pfn) => write!(f, "frame {pfn} belongs to vmalloc: free it with vfree"),
            Self::NotFromSlab(addr) => {
                write!(f, "address {addr:#x} is not from the slab layer: free it with free_pages")
            }
            Self::ObjectDoubleFree(addr) => write!(f, "object {addr:#x} is free already"),
            Self::NotAnObject(addr) => write!(f, "address {addr:#x} is not the start of an object"),
            Self::WrongCache(addr) => write!(f, "object {addr:#x} belongs to another cache"),
            Self::UseAfterFree(addr) => write!(f, "object {addr:#x} was written to after it was freed"),
            Self::RedZoneOverwritten(addr) => write!(f, "object {addr:#x} was written past its end"),
            Self::NotFromVmalloc(addr) => write!(f, "address {addr:#x} is not from vmalloc"),
            Self::NotMapped(pfn) => write!(f, "frame {pfn} is not mapped by kmap"),
            Self::KmapOrder => f.write_str("atomic mappings must be undone in reverse order"),
            Self::StillReferenced(pfn) => write!(f, "frame {pfn} still has other users"),
            Self::CacheInUse => f.write_str("the cache still has objects in use"),
            Self::NotAllocated(pfn) => write!(f, "frame {pfn} is not allocated"),
        }
    }
}

impl core::error::Error for Misuse {}

/// An invariant that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation(
    /// The invariant, the place where it fails, and the numbers that contradict it.
    pub String,
);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Violation {}

macro_rules! ensure {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err($crate::Violation(alloc::format!($($message)*)));
        }
    };
}

pub(crate) use ensure;
