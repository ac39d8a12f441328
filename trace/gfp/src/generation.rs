//! Generations of kernels.

/// A generation of kernels whose page allocators follow the same rules.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Generation {
    /// Linux 2.6.34, the kernel of Love's *Linux Kernel Development*, 3rd edition. Its `MIGRATE_RESERVE` blocks are not
    /// modelled.
    Textbook,
    /// Linux 6.1: whole-pageblock steals, one `pcp->high`, `__GFP_ATOMIC`.
    V6_1,
    /// Linux 6.12: "freelist hygiene" (a free block is always on the list of its pageblock's type), automatic
    /// `pcp->high`.
    V6_12,
    /// Linux 6.15 and later, checked against 6.18: fallback in the modes claim and steal.
    V6_18,
}

impl Generation {
    /// All generations, oldest first.
    pub const ALL: [Self; 4] = [Self::Textbook, Self::V6_1, Self::V6_12, Self::V6_18];

    /// The generation's name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Textbook => "textbook",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V6_18 => "6.18",
        }
    }

    /// The generation with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|generation| generation.name() == name)
    }

    /// The generation closest to a kernel release: before 3.0 the textbook's, before 6.10 that of 6.1, before 6.15 that
    /// of 6.12.
    pub const fn of_release(major: u32, minor: u32) -> Self {
        match (major, minor) {
            (..3, _) => Self::Textbook,
            (3..=5, _) | (6, ..10) => Self::V6_1,
            (6, 10..15) => Self::V6_12,
            _ => Self::V6_18,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_map_to_the_nearest_generation() {
        for (major, minor, generation) in [
            (2, 6, Generation::Textbook),
            (5, 15, Generation::V6_1),
            (6, 9, Generation::V6_1),
            (6, 10, Generation::V6_12),
            (6, 14, Generation::V6_12),
            (6, 18, Generation::V6_18),
            (7, 0, Generation::V6_18),
        ] {
            assert_eq!(Generation::of_release(major, minor), generation, "{major}.{minor}");
        }
    }
}
