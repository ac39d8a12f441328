//! Tags: what block a frame heads, in two bytes.

use super::migratetype::Migratetype;

/// What the tag of a block's first frame says about the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum BlockState {
    /// Not the head of any block: a later frame of one, a hole, or memory held since before the model began.
    None = 0,
    /// On a free list of the buddy allocator.
    Buddy = 1,
    /// On a per-CPU list.
    Pcp = 2,
    /// Handed out.
    Allocated = 3,
}

/// Packed description of a block, kept in its first frame only: order (4 bits), state (2), migratetype (3), two marks,
/// zone (5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag(pub(super) u16);

const STATE_SHIFT: u32 = 4;
const TYPE_SHIFT: u32 = 6;
const ZONE_SHIFT: u32 = 11;
const ORDER_AND_STATE: u16 = 0x3f;
const ZONE: u16 = 0x1f << ZONE_SHIFT;
/// The frame was handed out at least once: tells a double free from a free of what was never allocated. Survives
/// everything.
pub(super) const EVER_ALLOCATED: u16 = 1 << 9;
/// The block's owner has left something in its first frame's notes. On allocated blocks only.
pub(super) const NOTED: u16 = 1 << 10;

/// Most zones with memory a machine may have: their number must fit a page's metadata.
pub const MAX_ZONES: usize = 1 << (u16::BITS - ZONE_SHIFT);

impl Tag {
    #[inline]
    pub(crate) const fn new(state: BlockState, order: u8, mt: Migratetype, zone: u8) -> Self {
        Self(order as u16 | (state as u16) << STATE_SHIFT | (mt as u16) << TYPE_SHIFT | (zone as u16) << ZONE_SHIFT)
    }

    #[inline]
    pub(crate) const fn state(self) -> BlockState {
        match (self.0 >> STATE_SHIFT) & 3 {
            0 => BlockState::None,
            1 => BlockState::Buddy,
            2 => BlockState::Pcp,
            _ => BlockState::Allocated,
        }
    }

    /// Whether the frame heads no block.
    #[inline]
    pub(crate) const fn is_none(self) -> bool {
        matches!(self.state(), BlockState::None)
    }

    #[inline]
    pub(crate) const fn order(self) -> u8 {
        (self.0 & 0xf) as u8
    }

    /// For free blocks the list's type, for allocated ones the type that was asked for.
    #[inline]
    pub(crate) const fn migratetype(self) -> Migratetype {
        Migratetype::from_index(self.type_index() as u8)
    }

    /// [`Migratetype::index`] of [`Self::migratetype`].
    #[inline]
    pub(crate) const fn type_index(self) -> usize {
        (self.0 >> TYPE_SHIFT & 7) as usize
    }

    #[inline]
    pub(crate) const fn zone(self) -> u8 {
        (self.0 >> ZONE_SHIFT) as u8
    }

    /// Whether the frame heads an allocated block of exactly this order.
    #[inline]
    pub(crate) const fn is_allocated_of(self, order: u8) -> bool {
        // A sum, not a union of bits: an order that is out of range must match nothing.
        self.0 & ORDER_AND_STATE == order as u16 + ((BlockState::Allocated as u16) << STATE_SHIFT)
    }

    /// Whether the frame heads an allocated block of exactly this order whose owner has left no notes: freeing such a
    /// block needs no second look.
    #[inline]
    pub(crate) const fn is_plain_allocation_of(self, order: u8) -> bool {
        self.0 & (ORDER_AND_STATE | NOTED) == order as u16 + ((BlockState::Allocated as u16) << STATE_SHIFT)
    }

    /// Whether a frame with this tag heads the very kind of block that `other` describes.
    #[inline]
    pub(crate) const fn is(self, other: Self) -> bool {
        (self.0 ^ other.0) & !EVER_ALLOCATED == 0
    }

    /// Whether a frame with this tag heads such a block as `other` describes, of any migratetype.
    #[inline]
    pub(crate) const fn is_but_for_type(self, other: Self) -> bool {
        (self.0 ^ other.0) & (ORDER_AND_STATE | ZONE) == 0
    }

    /// What the block would carry if it were of the next order.
    #[inline]
    pub(crate) const fn one_order_up(self) -> Self {
        Self(self.0 + 1)
    }

    /// Whether the frame heads a buddy block of exactly this order, in this zone.
    #[inline]
    pub(crate) const fn is_buddy_of(self, order: u8, zone: u8) -> bool {
        self.is_but_for_type(Self::new(BlockState::Buddy, order, Migratetype::Unmovable, zone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_out_of_range_matches_no_tag() {
        let tag = Tag::new(BlockState::Allocated, 0, Migratetype::Movable, 3);
        assert!(tag.is_allocated_of(0) && tag.is_plain_allocation_of(0));
        for order in 1..=u8::MAX {
            assert!(!tag.is_allocated_of(order) && !tag.is_plain_allocation_of(order), "order {order}");
        }
    }
}
