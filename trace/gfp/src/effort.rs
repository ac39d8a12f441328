//! How far the allocator may go for a request.

use crate::{Flags, GfpTable};

/// What the allocator may do for a request when no free page is at hand, from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// Direct reclaim with I/O and filesystem calls.
    Full,
    /// Direct reclaim that must not call filesystems.
    NoFs,
    /// Direct reclaim of clean pages only.
    NoIo,
    /// No waiting: part of the reserve below the min watermark may be used.
    Reserves,
    /// No waiting: kswapd is woken, which helps later requests.
    Kswapd,
    /// No waiting, and nobody is woken.
    Nothing,
}

impl Effort {
    /// Judges a mask by a kernel's own table.
    pub fn of(table: &GfpTable, mask: u32) -> Self {
        Self::of_flags(table.named_flags(mask))
    }

    /// Judges what a mask means.
    pub const fn of_flags(flags: Flags) -> Self {
        if flags.may_sleep() {
            match (flags.may_io(), flags.may_fs()) {
                (true, true) => Self::Full,
                (true, false) => Self::NoFs,
                (false, _) => Self::NoIo,
            }
        } else if flags.uses_reserves() {
            Self::Reserves
        } else if flags.contains(Flags::KSWAPD_RECLAIM) {
            Self::Kswapd
        } else {
            Self::Nothing
        }
    }

    /// The effort in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Full => "may sleep, any reclaim",
            Self::NoFs => "may sleep, no filesystem calls",
            Self::NoIo => "may sleep, no I/O",
            Self::Reserves => "cannot sleep, may use the reserves",
            Self::Kswapd => "cannot sleep, wakes kswapd",
            Self::Nothing => "cannot sleep, no reclaim",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generation;

    #[test]
    fn masks_are_told_apart_by_what_the_allocator_may_do() {
        let table = GfpTable::of(Generation::V6_18);
        let efforts = [0xcc0, 0xc40, 0xc00, 0x820, 0x800, 0x100].map(|mask| Effort::of(&table, mask));
        assert_eq!(
            efforts,
            [Effort::Full, Effort::NoFs, Effort::NoIo, Effort::Reserves, Effort::Kswapd, Effort::Nothing]
        );
        assert_eq!(
            Effort::of(&table, 0xce0),
            Effort::Full,
            "who may sleep as well as use the reserves will sleep first"
        );
        assert_eq!(Effort::of(&table, 0xa_0000), Effort::Nothing, "NOMEMALLOC takes back what MEMALLOC gives");
    }
}
