use polars::prelude::DataFrame;

use crate::{Error, matched::Row};

/// Something that is computed from the matched events while they pass by once.
pub(crate) trait Observer {
    /// The next frame, in time order. Its columns are those of [`Row`].
    fn frame(&mut self, frame: &DataFrame) -> Result<(), Error>;

    /// What is live when the trace ends; each row's `age` is how long.
    fn still_live(&mut self, _live: &[Row]) {}
}
