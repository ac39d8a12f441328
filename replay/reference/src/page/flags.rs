//! Page flags by name.

use core::fmt;

/// Page flags by name (`enum pageflags`, the ones the textbook names, plus two that mark pages of other allocators).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PageFlags(pub(crate) u16);

impl PageFlags {
    /// I/O or a lookup holds the page.
    pub const LOCKED: Self = Self(1 << 0);
    /// Used since the last look.
    pub const REFERENCED: Self = Self(1 << 1);
    /// Its contents are valid.
    pub const UPTODATE: Self = Self(1 << 2);
    /// Changed since it was read.
    pub const DIRTY: Self = Self(1 << 3);
    /// On a reclaim list.
    pub const LRU: Self = Self(1 << 4);
    /// On the active one.
    pub const ACTIVE: Self = Self(1 << 5);
    /// Owned by the slab layer.
    pub const SLAB: Self = Self(1 << 6);
    /// Not for the page allocator: firmware, kernel image.
    pub const RESERVED: Self = Self(1 << 7);
    /// `private` is in use.
    pub const PRIVATE: Self = Self(1 << 8);
    /// Being written to disk.
    pub const WRITEBACK: Self = Self(1 << 9);
    /// In the swap cache.
    pub const SWAPCACHE: Self = Self(1 << 10);
    /// To be reclaimed soon.
    pub const RECLAIM: Self = Self(1 << 11);
    /// Free and on a buddy list. Derived, never stored.
    pub const BUDDY: Self = Self(1 << 12);
    /// Mapped by `vmalloc`; in the kernel a page type.
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

    /// The bits; bit 15 is never used.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether all of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The flag with this name.
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
