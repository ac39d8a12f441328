use crate::matched::Row;

/// Something that is computed from the matched events while they pass by once.
pub(crate) trait Observer {
    /// The next event, in time order.
    fn row(&mut self, row: &Row<'_>);

    /// One of the allocations that are live when the trace ends; its `age` is how long it has been.
    fn still_live(&mut self, _row: &Row<'_>) {}

    /// Whether it reads more of a row about who asked than the name of the thread. Where nobody does, `cpu`, `pid`, `process` and `cgroup` are unknown.
    fn tells_threads_apart(&self) -> bool {
        true
    }
}
