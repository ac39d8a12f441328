//! The option `--policy`, which names a generation of kernels.

use clap::ValueEnum;
use reference::Generation;

/// Whose rules the model follows.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum GenerationArg {
    Textbook,
    #[value(name = "6.1")]
    V6_1,
    #[value(name = "6.12")]
    V6_12,
    #[value(name = "6.18")]
    V6_18,
    Auto,
}

impl GenerationArg {
    /// Returns the generation, or `None` for the one that suits the machine.
    pub(super) const fn get(self) -> Option<Generation> {
        match self {
            Self::Textbook => Some(Generation::Textbook),
            Self::V6_1 => Some(Generation::V6_1),
            Self::V6_12 => Some(Generation::V6_12),
            Self::V6_18 => Some(Generation::V6_18),
            Self::Auto => None,
        }
    }
}
