//! The highest zone that a mask allows, and the mobility type that it asks for.

use core::fmt;

use ::gfp::Flags;

use crate::{machine::ZoneType, page::Migratetype};

/// A combination of zone bits that has no meaning: the kernel's `GFP_ZONE_BAD`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadZoneBits(
    /// The low four bits of the mask.
    pub u8,
);

impl fmt::Display for BadZoneBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zone bits {:#x} name more than one zone", self.0)
    }
}

impl core::error::Error for BadZoneBits {}

/// `gfp_zone`: returns the highest zone that a request may use, whether or not the machine has that zone.
///
/// `__GFP_MOVABLE` alone does not select the movable zone; `__GFP_HIGHMEM` must be set too.
///
/// # Errors
/// When the low four bits name zones that exclude each other.
#[inline]
pub const fn gfp_zone(flags: Flags) -> Result<ZoneType, BadZoneBits> {
    let bits = flags.bits() & 0xf;
    if !flags.zone_is_possible() {
        return Err(BadZoneBits(bits as u8));
    }
    Ok(match bits {
        0x1 | 0x9 => ZoneType::Dma,
        0x4 | 0xc => ZoneType::Dma32,
        0x2 => ZoneType::HighMem,
        0xa => ZoneType::Movable,
        _ => ZoneType::Normal,
    })
}

/// `gfp_migratetype`: returns the mobility type that a request asks for: unmovable unless the mask says movable or
/// reclaimable; `None` if the mask says both.
#[inline]
pub const fn gfp_migratetype(flags: Flags) -> Option<Migratetype> {
    match flags.bits() >> 3 & 3 {
        0 => Some(Migratetype::Unmovable),
        1 => Some(Migratetype::Movable),
        2 => Some(Migratetype::Reclaimable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_bit_combination() {
        use ZoneType::{Dma, Dma32, HighMem, Movable, Normal};
        let expected = [
            Some(Normal),
            Some(Dma),
            Some(HighMem),
            None,
            Some(Dma32),
            None,
            None,
            None,
            Some(Normal),
            Some(Dma),
            Some(Movable),
            None,
            Some(Dma32),
            None,
            None,
            None,
        ];
        for (bits, zone) in expected.into_iter().enumerate() {
            assert_eq!(gfp_zone(Flags::from_bits(bits as u32)).ok(), zone, "zone bits {bits:#x}");
        }
    }

    #[test]
    fn both_mobility_bits_are_refused() {
        assert_eq!(gfp_migratetype(Flags::MOVABLE | Flags::RECLAIMABLE), None);
        assert_eq!(gfp_migratetype(Flags::RECLAIMABLE), Some(Migratetype::Reclaimable));
    }
}
