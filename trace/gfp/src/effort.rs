//! The effort that the allocator may make for a request.

use crate::{Flags, GfpTable};

/// What the allocator may do for a request when no free page is available, ordered from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effort {
    /// Direct reclaim that may start I/O and call filesystems.
    Full,
    /// Direct reclaim that may start I/O but must not call filesystems.
    NoFs,
    /// Direct reclaim that takes clean pages only.
    NoIo,
    /// No waiting, but the request may use part of the reserve below the min watermark.
    Reserves,
    /// No waiting, but kswapd is woken, which helps later requests.
    Kswapd,
    /// No waiting, and kswapd is not woken.
    Nothing,
}

impl Effort {
    /// Returns the effort for a mask that is in the numbering of `table`'s kernel.
    pub fn of(table: &GfpTable, mask: u32) -> Self {
        Self::of_flags(table.named_flags(mask))
    }

    /// Returns the effort for a set of flags.
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

    /// Returns the effort in words.
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
