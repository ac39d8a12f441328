/// The reason why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// The file to import cannot be understood.
    #[error("cannot understand {what}: {reason}")]
    Input {
        /// The name of the file, and the line where it is known.
        what: String,
        /// The fault, and the advice what to do.
        reason: String,
    },
}
