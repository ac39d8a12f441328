//! What `/proc` says about the allocator's state, as rows of the trace.

use std::thread::{self, JoinHandle};

use trace::{
    ANY_MIGRATETYPE, FrameRun, FreeArea, Header, Ledger, Pageblock, SlabInfo, SnapshotWindow, VmStat, Writer, Zone,
    ZoneStat,
};

use crate::{
    Error,
    kernel::{BuddyInfo, KPageFlags, PageTypeInfo, ProcFile, ZoneInfo, monotonic_ns, parse_slabinfo},
};

/// Takes snapshots. Opened with privileges, it works without them.
pub struct Snapshots {
    buddyinfo: ProcFile,
    pagetypeinfo: ProcFile,
    zoneinfo: ProcFile,
    vmstat: ProcFile,
    /// kernels may be built without it
    slabinfo: Option<ProcFile>,
    taken: u32,
}

/// The rows of one snapshot.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    windows: Vec<SnapshotWindow>,
    free_area: Vec<FreeArea>,
    pageblock: Vec<Pageblock>,
    zone_stat: Vec<ZoneStat>,
    /// the kernel's counters
    pub vmstat: Vec<VmStat>,
    slabinfo: Vec<SlabInfo>,
    /// the account as it stood then
    pub ledger: Vec<Ledger>,
}

impl Snapshot {
    /// When reading began, and when it had ended.
    pub fn window(&self) -> (u64, u64) {
        let begin = self.windows.iter().map(|window| window.time).min();
        let end = self.windows.iter().map(|window| window.end).max();
        (begin.unwrap_or(0), end.unwrap_or(0))
    }

    /// What it takes in memory.
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
    /// The writer's.
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
            slabinfo: open("slabinfo").ok(),
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
        let zone_index = |node: u16, name: &str| {
            header.zones.iter().position(|zone| zone.node == node && zone.name == name).map(|zone| zone as u8)
        };
        let mut rows = Snapshot::default();

        // buddyinfo first and pagetypeinfo right after it: they are compared with one another.
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

    /// Takes one with the slab caches. The kernel counts objects cache by cache under their locks, so not every second.
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

/// `NAME VALUE` lines, in the kernel's order (procfs gives a hash map, whose order differs each time).
fn parse_vmstat(text: &str) -> Option<Vec<(String, i64)>> {
    text.lines()
        .map(|line| line.split_once(' ').and_then(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))))
        .collect()
}

/// What each frame is used for, read beside the recording: that takes a moment, and the rings must not wait for it.
pub struct FrameMap(Option<JoinHandle<Frames>>);

/// What it read, and when.
pub struct Frames {
    window: SnapshotWindow,
    runs: Vec<FrameRun>,
}

impl Frames {
    /// Writes the rows.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer
            .append(std::slice::from_ref(&self.window))
            .and_then(|()| writer.append(&self.runs))
            .map_err(|(error, _)| error.into())
    }
}

impl FrameMap {
    /// Starts to read. What the system refuses is left out: the frames of a zone, or all.
    pub fn start(flags: KPageFlags, zones: Vec<Zone>) -> Self {
        let read = move || {
            let (time, snapshot) = (monotonic_ns(), 0);
            let runs = zones
                .iter()
                .filter_map(|zone| flags.runs(zone.start_pfn, zone.start_pfn + zone.spanned).ok())
                .flatten();
            let mut runs: Vec<_> = runs
                .map(|run| FrameRun { time, snapshot, pfn: run.pfn, pages: run.pages, class: run.class.to_owned() })
                .collect();
            // The spans of zones may overlap.
            runs.sort_by_key(|run| run.pfn);
            runs.dedup_by_key(|run| run.pfn);
            Frames {
                window: SnapshotWindow { time, snapshot, end: monotonic_ns(), source: "kpageflags".to_owned() },
                runs,
            }
        };
        Self(thread::Builder::new().name("kpageflags".to_owned()).spawn(read).ok())
    }

    /// None is wanted.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The rows when they are there, once; with `wait`, waits for them.
    pub fn rows(&mut self, wait: bool) -> Option<Frames> {
        self.0.take_if(|thread| wait || thread.is_finished())?.join().ok()
    }
}
