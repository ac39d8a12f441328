//! The reader of the files in `/proc` for a snapshot.

use trace::{ANY_MIGRATETYPE, FreeArea, Header, Pageblock, SnapshotWindow, VmStat, ZoneStat};

use super::rows::Snapshot;
use crate::{
    Error,
    kernel::{BuddyInfo, PageTypeInfo, ProcFile, ZoneInfo, monotonic_ns, parse_slabinfo, parse_vmstat},
};

/// Takes snapshots. The reader has to be opened with privileges, and works without them afterwards.
pub struct SnapshotReader {
    buddyinfo: ProcFile,
    pagetypeinfo: ProcFile,
    zoneinfo: ProcFile,
    vmstat: ProcFile,
    /// The file `/proc/slabinfo`; `None` on a kernel that was built without it.
    slabinfo: Option<ProcFile>,
    /// The number of snapshots that were taken, which is the number of the next one.
    taken: u32,
}

impl SnapshotReader {
    /// Opens the files.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn open() -> Result<Self, Error> {
        let open = |name: &str| ProcFile::open(format!("/proc/{name}"));
        Ok(Self {
            buddyinfo: open("buddyinfo")?,
            pagetypeinfo: open("pagetypeinfo")?,
            zoneinfo: open("zoneinfo")?,
            vmstat: open("vmstat")?,
            slabinfo: open("slabinfo").ok(),
            taken: 0,
        })
    }

    /// Takes a snapshot of everything but the slab caches. A zone that is not in the header, because its memory was
    /// plugged in later, is left out.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Unknown`]
    pub fn take(&mut self, header: &Header) -> Result<Snapshot, Error> {
        let (time, snapshot) = (monotonic_ns(), self.taken);
        self.taken += 1;
        let zone_index = |node: u16, name: &str| {
            header.zones.iter().position(|zone| zone.node == node && zone.name == name).map(|zone| zone as u8)
        };
        let mut rows = Snapshot::default();

        // pagetypeinfo is read right after buddyinfo, because the two are compared with one another.
        let buddyinfo = BuddyInfo::parse(self.buddyinfo.read()?).ok_or_else(|| unknown("buddyinfo"))?;
        let pagetypes = PageTypeInfo::parse(self.pagetypeinfo.read()?).ok_or_else(|| unknown("pagetypeinfo"))?;
        let zoneinfo = ZoneInfo::parse(self.zoneinfo.read()?).ok_or_else(|| unknown("zoneinfo"))?;
        let vmstat = parse_vmstat(self.vmstat.read()?).ok_or_else(|| unknown("vmstat"))?;
        rows.windows.push(SnapshotWindow { time, snapshot, end: monotonic_ns(), source: "proc".to_owned() });

        let all = buddyinfo.into_iter().map(|info| (info.node, info.zone, ANY_MIGRATETYPE, info.nr_free));
        let by_type = pagetypes
            .nr_free
            .into_iter()
            .map(|(node, zone, migratetype, nr_free)| (node, zone, migratetype as u8, nr_free));
        for (node, name, migratetype, nr_free) in all.chain(by_type) {
            let Some(zone) = zone_index(node, &name) else { continue };
            let row = |(order, nr_free)| FreeArea { time, snapshot, zone, order: order as u8, migratetype, nr_free };
            rows.free_area.extend(nr_free.into_iter().enumerate().map(row));
        }
        for (node, name, counts) in pagetypes.pageblocks {
            let Some(zone) = zone_index(node, &name) else { continue };
            let row = |(migratetype, count)| Pageblock { time, snapshot, zone, migratetype: migratetype as u8, count };
            rows.pageblock.extend(counts.into_iter().enumerate().map(row));
        }
        for items in zoneinfo {
            let Some(zone) = zone_index(items.node, &items.zone) else { continue };
            rows.zone_stat.extend(items.items.into_iter().map(|(item, value)| ZoneStat {
                time,
                snapshot,
                zone,
                item,
                value,
            }));
        }
        rows.vmstat = vmstat.into_iter().map(|(item, value)| VmStat { time, snapshot, item, value }).collect();
        Ok(rows)
    }

    /// Takes a snapshot with the slab caches. The kernel counts the objects of each cache under locks, so such a
    /// snapshot should not be taken every second.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Unknown`]
    pub fn take_with_slabs(&mut self, header: &Header) -> Result<Snapshot, Error> {
        let mut rows = self.take(header)?;
        let Some(slabinfo) = &mut self.slabinfo else { return Ok(rows) };
        let (time, snapshot) = (monotonic_ns(), self.taken - 1);
        rows.slabinfo = parse_slabinfo(slabinfo.read()?, time, snapshot).ok_or_else(|| unknown("slabinfo"))?;
        rows.windows.push(SnapshotWindow { time, snapshot, end: monotonic_ns(), source: "slabinfo".to_owned() });
        Ok(rows)
    }
}

fn unknown(name: &str) -> Error {
    Error::Unknown { path: format!("/proc/{name}").into(), reason: "its layout changed while recording".to_owned() }
}
