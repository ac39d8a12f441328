use std::{io, path::PathBuf};

/// Why a trace cannot be written or opened. Damage *inside* a trace is no error but a [`Problem`](crate::Problem).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {path}: {error}", path = path.display())]
    Io {
        /// what was tried, as a verb: "open", "write"
        action: &'static str,
        /// on which file or directory
        path: PathBuf,
        /// what the system said
        error: io::Error,
    },
    /// There is no trace here.
    #[error("{path} is not a trace: it has no readable trace.json ({reason}). Give the directory that `collector record -o` wrote", path = path.display())]
    NotATrace {
        /// the directory
        path: PathBuf,
        /// what was found instead
        reason: String,
    },
    /// The trace comes from a newer gfpscope.
    #[error("{path} has trace format {found}, this program reads formats up to {known}: use a newer gfpscope", path = path.display())]
    TooNew {
        /// the directory
        path: PathBuf,
        /// its version
        found: u32,
        /// ours
        known: u32,
    },
    /// The directory to write into already holds something.
    #[error("{path} exists and is not empty: choose another directory, or remove it first", path = path.display())]
    NotEmpty {
        /// the directory
        path: PathBuf,
    },
    /// A text of the kernel's does not look as any kernel we know prints it.
    #[error("cannot understand {what} at {at:?}: {reason}")]
    Kernel {
        /// which text: a tracepoint's format, a GFP expression
        what: &'static str,
        /// the place, quoted
        at: String,
        /// what was expected
        reason: &'static str,
    },
    /// Arrow could not encode or decode.
    #[error("cannot encode a batch of {table}: {error}")]
    Arrow {
        /// which table
        table: &'static str,
        /// what arrow said
        error: arrow_schema::ArrowError,
    },
}

impl Error {
    /// For `map_err`: an I/O error with what was tried and where.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { action, path, error }
    }
}
