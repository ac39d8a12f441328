use polars::prelude::PolarsError;

/// Why there is no result. Damage inside a trace is no error: it is reported beside the numbers, see
/// [`Loss`](crate::Loss).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The trace cannot be opened.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// polars refused: the trace's columns are not what its format says, or memory ran out.
    #[error("cannot compute {what}: {error}")]
    Polars {
        /// what was being computed
        what: &'static str,
        /// what polars said
        error: PolarsError,
    },
    /// A name was given that is not known.
    #[error("there is no {what} `{given}`; choose from: {known}")]
    Unknown {
        /// what sort of name: "key", "chart"
        what: &'static str,
        /// what was given
        given: String,
        /// what could have been given
        known: String,
    },
    /// A key was given that the events at hand do not have.
    #[error("{events} events have no `{key}`: {instead}")]
    NoSuchColumn {
        /// "page" or "slab"
        events: &'static str,
        /// the key that was asked for
        key: &'static str,
        /// what to do
        instead: &'static str,
    },
    /// plotters could not draw.
    #[error("cannot draw the chart `{chart}`: {reason}")]
    Chart {
        /// its name
        chart: &'static str,
        /// what plotters said
        reason: String,
    },
    /// `SQLite` could not understand a query, or not answer it.
    #[error("the query cannot be answered: {0}")]
    Query(String),
    /// A text that should be imported, or a mask, is not what it should be.
    #[error("cannot understand {what}: {reason}")]
    Text {
        /// which text
        what: String,
        /// what is wrong, and what to do
        reason: String,
    },
    /// A span of time was given that is before the first event, or after the last.
    #[error("no event of the trace lies in this span of time: they are from {first} to {last} s of its clock")]
    NothingThen {
        /// the first event, in seconds
        first: String,
        /// the last event, in seconds
        last: String,
    },
}

impl Error {
    /// Returns a function for `map_err` that adds what polars was computing.
    pub(crate) fn polars(what: &'static str) -> impl FnOnce(PolarsError) -> Self {
        move |error| Self::Polars { what, error }
    }
}
