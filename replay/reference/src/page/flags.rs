//! Page flags, with their names.

use core::fmt;

/// A set of page flags: those of `enum pageflags` that the textbook names, and two that mark pages of other allocators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PageFlags(pub(crate) u16);

impl PageFlags {
    /// The page is locked for I/O or for a lookup.
    pub const LOCKED: Self = Self(1 << 0);
    /// The page was used since reclaim last looked at it.
    pub const REFERENCED: Self = Self(1 << 1);
    /// The contents of the page are valid.
    pub const UPTODATE: Self = Self(1 << 2);
    /// The page was changed since it was read.
    pub const DIRTY: Self = Self(1 << 3);
    /// The page is on a reclaim list.
    pub const LRU: Self = Self(1 << 4);
    /// The page is on the active reclaim list.
    pub const ACTIVE: Self = Self(1 << 5);
    /// The page belongs to the slab layer.
    pub const SLAB: Self = Self(1 << 6);
    /// The page is not for the page allocator: it belongs to the firmware or the kernel image.
    pub const RESERVED: Self = Self(1 << 7);
    /// The field `private` is in use.
    pub const PRIVATE: Self = Self(1 << 8);
    /// The page is being written to disk.
    pub const WRITEBACK: Self = Self(1 << 9);
    /// The page is in the swap cache.
    pub const SWAPCACHE: Self = Self(1 << 10);
    /// The page is to be reclaimed soon.
    pub const RECLAIM: Self = Self(1 << 11);
    /// The page is free and on a buddy list. This flag is derived from the frame's tag and never stored.
    pub const BUDDY: Self = Self(1 << 12);
    /// The page is mapped by `vmalloc`. In the kernel this is a page type.
    pub const VMALLOC: Self = Self(1 << 13);

    const NAMES: [(Self, &'static str); 14] = [
        (Self::LOCKED, "locked"),
        (Self::REFERENCED, "referenced"),
        (Self::UPTODATE, "uptodate"),
        (Self::DIRTY, "dirty"),
        (Self::LRU, "lru"),
        (Self::ACTIVE, "active"),
        (Self::SLAB, "slab"),
        (Self::RESERVED, "reserved"),
        (Self::PRIVATE, "private"),
        (Self::WRITEBACK, "writeback"),
        (Self::SWAPCACHE, "swapcache"),
        (Self::RECLAIM, "reclaim"),
        (Self::BUDDY, "buddy"),
        (Self::VMALLOC, "vmalloc"),
    ];

    /// Returns the bits; bit 15 is never used.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Returns whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set without the flags of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the flag with this name, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, n)| *n == name).map(|(flag, _)| flag)
    }
}

impl fmt::Display for PageFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (flag, name) in Self::NAMES {
            if self.contains(flag) {
                f.write_str(if first { "" } else { "|" })?;
                f.write_str(name)?;
                first = false;
            }
        }
        Ok(())
    }
}
