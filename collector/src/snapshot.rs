//! What `/proc` says about the allocator's state, as rows of the trace.

use trace::{ANY_MIGRATETYPE, FreeArea, Header, Pageblock, VmStat, ZoneStat};

use crate::{
    Error,
    kernel::{BuddyInfo, PageTypeInfo, ProcFile, ZoneInfo, monotonic_ns},
};

/// Takes snapshots. Opened with privileges, it works without them.
pub struct Snapshots {
    buddyinfo: ProcFile,
    pagetypeinfo: ProcFile,
    zoneinfo: ProcFile,
    vmstat: ProcFile,
    taken: u32,
}

/// The rows of one snapshot.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// free blocks
    pub free_area: Vec<FreeArea>,
    /// pageblocks by type
    pub pageblock: Vec<Pageblock>,
    /// zone items
    pub zone_stat: Vec<ZoneStat>,
    /// counters
    pub vmstat: Vec<VmStat>,
}

impl Snapshots {
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
            taken: 0,
        })
    }

    /// Takes one. A zone that the header does not know (memory that was plugged in since) is left out.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Unknown`]
    pub fn take(&mut self, header: &Header) -> Result<Snapshot, Error> {
        let (time, snapshot) = (monotonic_ns(), self.taken);
        self.taken += 1;
        let zone_index = |node: u16, name: &str| header.zones.iter().position(|zone| zone.node == node && zone.name == name).map(|zone| zone as u8);
        let unknown = |name: &str| Error::Unknown { path: format!("/proc/{name}").into(), reason: "its layout changed while recording".to_owned() };
        let mut rows = Snapshot::default();

        // buddyinfo first and pagetypeinfo right after it: they are compared with one another.
        let buddyinfo = BuddyInfo::parse(self.buddyinfo.read()?).ok_or_else(|| unknown("buddyinfo"))?;
        let pagetypes = PageTypeInfo::parse(self.pagetypeinfo.read()?).ok_or_else(|| unknown("pagetypeinfo"))?;
        let all = buddyinfo.into_iter().map(|info| (info.node, info.zone, ANY_MIGRATETYPE, info.nr_free));
        let by_type = pagetypes.nr_free.into_iter().map(|(node, zone, migratetype, nr_free)| (node, zone, migratetype as u8, nr_free));
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
        for items in ZoneInfo::parse(self.zoneinfo.read()?).ok_or_else(|| unknown("zoneinfo"))? {
            let Some(zone) = zone_index(items.node, &items.zone) else { continue };
            rows.zone_stat.extend(items.items.into_iter().map(|(item, value)| ZoneStat { time, snapshot, zone, item, value }));
        }
        let vmstat = parse_vmstat(self.vmstat.read()?).ok_or_else(|| unknown("vmstat"))?;
        rows.vmstat = vmstat.into_iter().map(|(item, value)| VmStat { time, snapshot, item, value }).collect();
        Ok(rows)
    }
}

/// `NAME VALUE` lines, in the kernel's order (procfs gives a hash map, whose order differs each time).
fn parse_vmstat(text: &str) -> Option<Vec<(String, i64)>> {
    text.lines().map(|line| line.split_once(' ').and_then(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)))).collect()
}
