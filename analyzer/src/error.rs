use polars::prelude::PolarsError;

/// The reason why there is no result. Damage inside a trace is no error: it is reported beside the numbers, see
/// [`Loss`](crate::Loss).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The trace cannot be opened.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// Polars refused, because the trace's columns are not what its format says, or because memory ran out.
    #[error("cannot compute {what}: {error}")]
    Polars {
        /// The result that was being computed.
        what: &'static str,
        /// The error that polars returned.
        error: PolarsError,
    },
    /// The user gave a name that is not known.
    #[error("there is no {what} `{given}`; choose from: {known}")]
    Unknown {
        /// The sort of name: "key" or "chart".
        what: &'static str,
        /// The name that the user gave.
        given: String,
        /// The known names, separated by commas.
        known: String,
    },
    /// The user gave a key that the events at hand do not have.
    #[error("{events} events have no `{key}`: {instead}")]
    NoSuchColumn {
        /// The sort of events: "page" or "slab".
        events: &'static str,
        /// The name of the key that the user gave.
        key: &'static str,
        /// The advice what to do instead.
        instead: &'static str,
    },
    /// The crate plotters could not draw a chart.
    #[error("cannot draw the chart `{chart}`: {reason}")]
    Chart {
        /// The chart's name.
        chart: &'static str,
        /// The reason that plotters gave.
        reason: String,
    },
    /// `SQLite` could not understand or answer a query.
    #[error("the query cannot be answered: {0}")]
    Query(String),
    /// An argument or a file has a text that cannot be read, such as a span of time.
    #[error("cannot understand {what}: {reason}")]
    Text {
        /// The name of the text.
        what: String,
        /// The fault, and the advice what to do.
        reason: String,
    },
    /// The user gave a span of time that ends before the first event, or begins after the last one.
    #[error("no event of the trace lies in this span of time: they are from {first} to {last} s of its clock")]
    NothingThen {
        /// The time of the first event, in seconds of the trace's clock.
        first: String,
        /// The time of the last event, in seconds of the trace's clock.
        last: String,
    },
}

impl Error {
    /// Returns a function for `map_err` that adds the result that polars was computing.
    pub(crate) fn polars(what: &'static str) -> impl FnOnce(PolarsError) -> Self {
        move |error| Self::Polars { what, error }
    }
}
