use crate::{Key, matched::Row};

/// Something that is computed from the matched events while they pass by once.
pub(crate) trait Observer {
    /// The next event, in time order.
    fn row(&mut self, row: &Row<'_>);

    /// One of the allocations that are live when the trace ends; its `age` is how long it has been.
    fn still_live(&mut self, _row: &Row<'_>) {}

    /// By which of [`Key::WHO`] it tells apart who asked. What no observer names is unknown in all rows: then there are
    /// fewer profiles.
    fn asks_who(&self) -> Vec<Key> {
        Key::WHO.to_vec()
    }
}
