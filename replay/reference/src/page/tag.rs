//! Tags, which describe the block that a frame heads, in two bytes.

use super::migratetype::Migratetype;

/// The state of a block, as the tag of its first frame records it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum BlockState {
    /// The frame is not the head of any block: it is a later frame of one, a hole, or memory held since before the
    /// model began.
    None = 0,
    /// The block is on a free list of the buddy allocator.
    Buddy = 1,
    /// The block is on a per-CPU list.
    Pcp = 2,
    /// The block is allocated.
    Allocated = 3,
}

/// The packed description of a block, stored in its first frame only: order (4 bits), state (2), migratetype (3), two
/// marks (1 each), zone (5).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag(pub(super) u16);

const STATE_SHIFT: u32 = 4;
const TYPE_SHIFT: u32 = 6;
const ZONE_SHIFT: u32 = 11;
const ORDER_AND_STATE: u16 = 0x3f;
const ZONE: u16 = 0x1f << ZONE_SHIFT;
/// The mark of a frame that was allocated at least once. It distinguishes a double free from a free of a frame that was
/// never allocated, and is never cleared.
pub(super) const EVER_ALLOCATED: u16 = 1 << 9;
/// The mark of an allocated block whose first frame has notes of its owner.
pub(super) const NOTED: u16 = 1 << 10;

/// The largest number of zones with memory that a machine may have: a zone's number must fit into a tag.
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

    /// Returns whether the frame heads no block.
    #[inline]
    pub(crate) const fn is_none(self) -> bool {
        matches!(self.state(), BlockState::None)
    }

    #[inline]
    pub(crate) const fn order(self) -> u8 {
        (self.0 & 0xf) as u8
    }

    /// Returns the type of the list for a free block, and the type that was requested for an allocated block.
    #[inline]
    pub(crate) const fn migratetype(self) -> Migratetype {
        Migratetype::from_index(self.type_index() as u8)
    }

    /// Returns the [`Migratetype::index`] of [`Self::migratetype`].
    #[inline]
    pub(crate) const fn type_index(self) -> usize {
        (self.0 >> TYPE_SHIFT & 7) as usize
    }

    #[inline]
    pub(crate) const fn zone(self) -> u8 {
        (self.0 >> ZONE_SHIFT) as u8
    }

    /// Returns whether the frame heads an allocated block of exactly this order.
    #[inline]
    pub(crate) const fn is_allocated_of(self, order: u8) -> bool {
        // This is a sum and not a union of bits, because an order that is out of range must match nothing.
        self.0 & ORDER_AND_STATE == order as u16 + ((BlockState::Allocated as u16) << STATE_SHIFT)
    }

    /// Returns whether the frame heads an allocated block of exactly this order whose owner has left no notes. Freeing
    /// such a block needs no further checks.
    #[inline]
    pub(crate) const fn is_plain_allocation_of(self, order: u8) -> bool {
        self.0 & (ORDER_AND_STATE | NOTED) == order as u16 + ((BlockState::Allocated as u16) << STATE_SHIFT)
    }

    /// Returns whether this tag equals `other`, the mark of an earlier allocation aside.
    #[inline]
    pub(crate) const fn is(self, other: Self) -> bool {
        (self.0 ^ other.0) & !EVER_ALLOCATED == 0
    }

    /// Returns whether this tag has the order, the state and the zone of `other`, whatever the migratetypes.
    #[inline]
    pub(crate) const fn is_but_for_type(self, other: Self) -> bool {
        (self.0 ^ other.0) & (ORDER_AND_STATE | ZONE) == 0
    }

    /// Returns the tag that the block would have if it were of the next order.
    #[inline]
    pub(crate) const fn one_order_up(self) -> Self {
        Self(self.0 + 1)
    }

    /// Returns whether the frame heads a free buddy block of exactly this order, in this zone.
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
