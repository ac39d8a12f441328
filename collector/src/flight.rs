//! The flight recorder: the last seconds are kept in memory, and written into a trace of their own when something
//! happens. Then it goes on.

use std::{
    collections::{HashMap, VecDeque},
    fs, mem,
    path::{Path, PathBuf},
    time::Duration,
};

use trace::{Header, Kind, NO_PFN, PageEvent, ReclaimEvent, Writer};

use crate::{
    Error,
    journal::{Journal, Seen},
    snapshot::Snapshot,
};

/// What to keep, and when to write it.
#[derive(Debug, Clone)]
pub struct Options {
    /// how much to keep
    pub keep: Duration,
    /// most bytes of memory for it; the oldest goes first
    pub memory: usize,
    /// what makes it write; a signal does, too
    pub triggers: Triggers,
    /// most traces to keep; the oldest is removed first
    pub traces: usize,
}

/// What makes the recorder write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Triggers {
    /// an allocation of at least this order failed
    pub failure: Option<u8>,
    /// the OOM killer chose a process
    pub oom: bool,
    /// a compaction that an allocation waits for took at least so long
    pub compaction: Option<Duration>,
}

/// Keeps and writes.
pub struct FlightRecorder {
    dir: PathBuf,
    options: Options,
    writer: trace::Options,
    snapshots: VecDeque<Snapshot>,
    /// when each thread began to compact for an allocation of its own
    compactions: HashMap<u32, u64>,
    /// what will be written, and when it happened
    happened: Option<(u64, String)>,
    /// the last time that something was written
    last: u64,
    written: VecDeque<PathBuf>,
    traces: u32,
    bytes: u64,
}

impl FlightRecorder {
    /// Makes the directory for the traces.
    ///
    /// # Errors
    /// [`Error::Trace`] if it exists and is not empty, or the system refuses
    pub fn create(dir: &Path, options: &Options, writer: trace::Options) -> Result<Self, Error> {
        trace::create_directory(dir, writer.owner)?;
        let (snapshots, compactions, written) = Default::default();
        Ok(Self {
            dir: dir.to_owned(),
            options: options.clone(),
            writer,
            snapshots,
            compactions,
            happened: None,
            last: 0,
            written,
            traces: 0,
            bytes: 0,
        })
    }

    /// Bytes written so far, in all traces.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Traces written so far.
    pub fn traces(&self) -> u32 {
        self.traces
    }

    /// Keeps the events before `horizon`; says what happened if they shall be written now.
    pub fn hold(&mut self, journal: &mut Journal, horizon: u64) -> Option<String> {
        let keep = self.options.keep.as_nanos() as u64;
        journal.hold(horizon, |seen| self.see(seen));
        // As much as is wanted from before what happened, which may have been a while ago.
        let since = self.happened.as_ref().map_or(horizon, |(time, _)| *time).saturating_sub(keep);
        journal.let_go(since, horizon, self.options.memory);
        // The state before the first event that is kept is wanted, too.
        while self.snapshots.get(1).is_some_and(|second| second.window().0 < since) {
            self.snapshots.pop_front();
        }
        // Each event is written once: what follows right after is part of the next trace, when enough of it has come
        // together.
        let (_, happened) = self.happened.take_if(|_| self.last == 0 || horizon.saturating_sub(self.last) >= keep)?;
        self.last = horizon;
        Some(happened)
    }

    /// A snapshot belongs to the events around it. When all of them take more than their share of the memory, every
    /// second one goes.
    pub fn keep(&mut self, snapshot: Snapshot) {
        if self.snapshots.iter().map(Snapshot::bytes).sum::<usize>() > self.options.memory / 8 {
            let mut stays = false;
            self.snapshots.retain(|_| {
                stays = !stays;
                stays
            });
        }
        self.snapshots.push_back(snapshot);
    }

    fn see(&mut self, seen: Seen<'_>) {
        let (time, happened) = match seen {
            Seen::Page(page) => (page.time, self.failure(page)),
            Seen::Reclaim(reclaim) => (reclaim.time, self.pressure(reclaim)),
        };
        self.happened = self.happened.take().or(happened.map(|why| (time, why)));
    }

    fn failure(&self, page: &PageEvent) -> Option<String> {
        let failed = page.kind == Kind::PageAlloc as u8 && page.pfn == NO_PFN;
        (failed && self.options.triggers.failure.is_some_and(|order| page.order >= order))
            .then(|| format!("an allocation of order {} failed, asked for by thread {}", page.order, page.pid))
    }

    fn pressure(&mut self, reclaim: &ReclaimEvent) -> Option<String> {
        match Kind::from_number(reclaim.kind)? {
            Kind::OomVictim => {
                self.options.triggers.oom.then(|| format!("the OOM killer chose process {}", reclaim.value))
            }
            Kind::TryToCompact => {
                self.compactions.insert(reclaim.pid, reclaim.time);
                None
            }
            // The end of one zone's: more may follow. kcompactd, and who writes to `compact_memory`, have not tried for
            // an allocation.
            Kind::CompactionEnd => {
                let took = Duration::from_nanos(reclaim.time.saturating_sub(*self.compactions.get(&reclaim.pid)?));
                self.options.triggers.compaction.filter(|limit| took >= *limit)?;
                self.compactions.remove(&reclaim.pid);
                Some(format!("thread {} waited {} ms for compaction", reclaim.pid, took.as_millis()))
            }
            _ => None,
        }
    }

    /// Starts the trace of what is kept, with the snapshots that belong to it.
    ///
    /// # Errors
    /// The writer's.
    pub fn open(&mut self, journal: &Journal, header: &Header, why: &str) -> Result<(Writer, Header), Error> {
        self.traces += 1;
        let path = self.dir.join(format!("{:04}", self.traces));
        let mut header = header.clone();
        header.clock.start_ns = journal.held_since().unwrap_or(header.clock.end_ns);
        header.options.insert("flight_recorder".to_owned(), why.to_owned());
        let mut writer = Writer::create(&path, &header, self.writer.clone())?;
        for snapshot in mem::take(&mut self.snapshots) {
            snapshot.write(&mut writer)?;
        }
        self.written.push_back(path);
        while self.written.len() > self.options.traces {
            if let Some(oldest) = self.written.pop_front() {
                // Somebody else may have removed it.
                let _gone = fs::remove_dir_all(oldest);
            }
        }
        Ok((writer, header))
    }

    /// Ends that trace.
    ///
    /// # Errors
    /// The writer's.
    pub fn close(&mut self, writer: Writer, mut header: Header, now: u64, why: String) -> Result<(), Error> {
        header.clock.end_ns = now;
        header.finished = Some(why);
        self.bytes += writer.bytes();
        Ok(writer.finish(&header)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(dir: &Path, triggers: Triggers) -> FlightRecorder {
        let options = Options { keep: Duration::from_secs(1), memory: 1 << 20, triggers, traces: 3 };
        FlightRecorder::create(dir, &options, trace::Options::default()).unwrap()
    }

    fn reclaim(kind: Kind, time: u64) -> ReclaimEvent {
        ReclaimEvent { time, pid: 7, cpu: 0, kind: kind as u8, order: 9, gfp: 0, node: 0, zone: 0, pfn: 0, value: 99 }
    }

    #[test]
    fn each_trigger_fires_on_what_it_names_only() {
        let tmp = tempfile::tempdir().unwrap();
        let triggers = Triggers { failure: Some(4), oom: true, compaction: Some(Duration::from_millis(10)) };
        let mut recorder = recorder(&tmp.path().join("f"), triggers);
        let page = |order, pfn| PageEvent {
            time: 1,
            pid: 7,
            cpu: 0,
            kind: Kind::PageAlloc as u8,
            order,
            pfn,
            gfp: 0,
            migratetype: 0,
            zone: 0,
            stack: 0,
        };
        assert_eq!(recorder.failure(&page(3, NO_PFN)), None);
        assert_eq!(recorder.failure(&page(9, 1)), None);
        assert!(recorder.failure(&page(4, NO_PFN)).unwrap().contains("order 4 failed"));
        assert_eq!(recorder.pressure(&reclaim(Kind::CompactionBegin, 0)), None);
        assert_eq!(recorder.pressure(&reclaim(Kind::CompactionEnd, 99_000_000)), None, "for no allocation");
        assert_eq!(recorder.pressure(&reclaim(Kind::TryToCompact, 0)), None);
        assert_eq!(recorder.pressure(&reclaim(Kind::CompactionEnd, 9_000_000)), None);
        assert!(
            recorder.pressure(&reclaim(Kind::CompactionEnd, 10_000_000)).unwrap().contains("10 ms"),
            "two zones together"
        );
        assert_eq!(recorder.pressure(&reclaim(Kind::CompactionEnd, 99_000_000)), None, "told once");
        assert!(recorder.pressure(&reclaim(Kind::OomVictim, 0)).unwrap().contains("process 99"));
    }

    #[test]
    fn snapshots_of_a_long_window_take_bounded_memory() {
        let tmp = tempfile::tempdir().unwrap();
        let mut recorder = recorder(&tmp.path().join("f"), Triggers::default());
        for _ in 0..1000 {
            let vmstat = trace::VmStat { time: 0, snapshot: 0, item: "pgalloc_normal".to_owned(), value: 0 };
            let mut snapshot = Snapshot::default();
            snapshot.vmstat.resize(200, vmstat);
            recorder.keep(snapshot);
            assert!(recorder.snapshots.iter().map(Snapshot::bytes).sum::<usize>() < 1 << 18);
        }
        assert!(recorder.snapshots.len() >= 4);
    }

    #[test]
    fn a_directory_with_something_in_it_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        fs::write(tmp.path().join("precious"), "").unwrap();
        let options = Options { keep: Duration::from_secs(1), memory: 1, triggers: Triggers::default(), traces: 1 };
        assert!(FlightRecorder::create(tmp.path(), &options, trace::Options::default()).is_err());
    }
}
