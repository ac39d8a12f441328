/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// The file to import cannot be understood.
    #[error("cannot understand {what}: {reason}")]
    Input {
        /// which file, and where in it
        what: String,
        /// what is wrong, and what to do
        reason: String,
    },
}
