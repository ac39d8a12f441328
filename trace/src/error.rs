use std::{io, path::PathBuf};

/// An error that keeps a trace from being written or opened. Damage *inside* a trace is not an error but a
/// [`Problem`](crate::Problem).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An operation on a file or directory failed.
    #[error("cannot {action} {path}: {error}", path = path.display())]
    Io {
        /// The operation that was tried, as a verb: "open", "write".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
    /// The directory does not hold a trace.
    #[error("{path} is not a trace: it has no readable trace.json ({reason}). Give the directory that `collector record -o` wrote", path = path.display())]
    NotATrace {
        /// The directory.
        path: PathBuf,
        /// The reason why the header cannot be read.
        reason: String,
    },
    /// The trace was written by a newer gfpscope.
    #[error("{path} has trace format {found}, this program reads formats up to {known}: use a newer gfpscope", path = path.display())]
    TooNew {
        /// The directory.
        path: PathBuf,
        /// The version of the trace's format.
        found: u32,
        /// The newest version that this program reads.
        known: u32,
    },
    /// The directory to write into already holds something.
    #[error("{path} exists and is not empty: choose another directory, or remove it first", path = path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A text from the kernel does not have the form in which any kernel we know prints it.
    #[error("cannot understand {what} at {at:?}: {reason}")]
    Kernel {
        /// The text that cannot be understood: a tracepoint's format, a GFP expression.
        what: &'static str,
        /// The part of the text that cannot be understood, quoted.
        at: String,
        /// The text that was expected at that place.
        reason: &'static str,
    },
    /// Arrow could not encode rows.
    #[error("cannot encode a batch of {table}: {error}")]
    Arrow {
        /// The name of the table.
        table: &'static str,
        /// The error that Arrow returned.
        error: arrow_schema::ArrowError,
    },
}

impl Error {
    /// Returns a function for `map_err`, which adds to an I/O error the operation that was tried and its path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { action, path, error }
    }
}
