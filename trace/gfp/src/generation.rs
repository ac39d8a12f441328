//! The generations of kernels whose page allocators this project distinguishes.

/// A generation of kernels whose page allocators follow the same rules.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Generation {
    /// Linux 2.6.34, the kernel of Love's *Linux Kernel Development*, 3rd edition. Its `MIGRATE_RESERVE` blocks are not
    /// modelled.
    Textbook,
    /// Linux 6.1, with whole-pageblock steals, one fixed `pcp->high`, and `__GFP_ATOMIC`.
    V6_1,
    /// Linux 6.12, with "freelist hygiene" (a free block is always on the list of its pageblock's type) and an
    /// automatic `pcp->high`.
    V6_12,
    /// Linux 6.15 and later, checked against 6.18, with the two fallback modes claim and steal.
    V6_18,
}

impl Generation {
    /// All generations, oldest first.
    pub const ALL: [Self; 4] = [Self::Textbook, Self::V6_1, Self::V6_12, Self::V6_18];

    /// Returns the generation's name as the command line takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Textbook => "textbook",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V6_18 => "6.18",
        }
    }

    /// Returns the generation with this name, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|generation| generation.name() == name)
    }

    /// Returns the generation closest to a kernel release: [`Textbook`](Self::Textbook) before 3.0,
    /// [`V6_1`](Self::V6_1) before 6.10, [`V6_12`](Self::V6_12) before 6.15, and [`V6_18`](Self::V6_18) from then on.
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
