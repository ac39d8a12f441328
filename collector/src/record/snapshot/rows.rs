//! The rows of one snapshot.

use trace::{FreeArea, Ledger, Pageblock, SlabInfo, SnapshotWindow, VmStat, Writer, ZoneStat};

use crate::Error;

/// The rows of one snapshot.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub(super) windows: Vec<SnapshotWindow>,
    pub(super) free_area: Vec<FreeArea>,
    pub(super) pageblock: Vec<Pageblock>,
    pub(super) zone_stat: Vec<ZoneStat>,
    /// The kernel's counters of the whole machine.
    pub vmstat: Vec<VmStat>,
    pub(super) slabinfo: Vec<SlabInfo>,
    /// The ledger at the time of the snapshot.
    pub ledger: Vec<Ledger>,
}

impl Snapshot {
    /// Returns the times at which reading began and ended, in ns of `CLOCK_MONOTONIC`.
    pub fn window(&self) -> (u64, u64) {
        let begin = self.windows.iter().map(|window| window.time).min();
        let end = self.windows.iter().map(|window| window.end).max();
        (begin.unwrap_or(0), end.unwrap_or(0))
    }

    /// Returns the number of bytes of memory that the rows take.
    pub fn bytes(&self) -> usize {
        let rows = size_of_val(&*self.windows) + size_of_val(&*self.free_area) + size_of_val(&*self.pageblock);
        let rows = rows
            + size_of_val(&*self.zone_stat)
            + size_of_val(&*self.vmstat)
            + size_of_val(&*self.slabinfo)
            + size_of_val(&*self.ledger);
        let names = self.zone_stat.iter().map(|row| &row.item).chain(self.vmstat.iter().map(|row| &row.item));
        let names =
            names.chain(self.slabinfo.iter().map(|row| &row.name)).chain(self.ledger.iter().map(|row| &row.program));
        rows + names.map(String::capacity).sum::<usize>()
    }

    /// Writes the rows.
    ///
    /// # Errors
    /// The error of the writer.
    pub fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        let written = writer
            .append(&self.windows)
            .and_then(|()| writer.append(&self.free_area))
            .and_then(|()| writer.append(&self.pageblock));
        let written = written.and_then(|()| writer.append(&self.zone_stat)).and_then(|()| writer.append(&self.vmstat));
        let written = written.and_then(|()| writer.append(&self.slabinfo)).and_then(|()| writer.append(&self.ledger));
        written.map_err(|(error, _)| error.into())
    }
}
