//! What the flight recorder keeps beside the events, and the traces that it writes.

use std::{
    collections::VecDeque,
    fs, mem,
    path::{Path, PathBuf},
};

use trace::{Header, Writer};

use super::{options::FlightOptions, trigger::TriggerWatch};
use crate::{Error, merge::Merger, record::snapshot::Snapshot};

/// Keeps the last seconds (the events stay in the [`Merger`], the snapshots are here), and writes them when a trigger
/// fires.
pub struct FlightRecorder {
    /// the directory in which each trace gets one of its own
    dir: PathBuf,
    options: FlightOptions,
    segments: trace::Options,
    snapshots: VecDeque<Snapshot>,
    watch: TriggerWatch,
    /// what fired and is not written yet: when it happened, in ns, and what it was
    fired: Option<(u64, String)>,
    /// the horizon when a trace was last written, in ns; 0 = never
    last: u64,
    /// the traces that are still there, the oldest first
    written: VecDeque<PathBuf>,
    traces: u32,
    bytes: u64,
}

impl FlightRecorder {
    /// Makes the directory for the traces.
    ///
    /// # Errors
    /// [`Error::Trace`] if it exists and is not empty, or the system refuses.
    pub fn create(dir: &Path, options: &FlightOptions, segments: trace::Options) -> Result<Self, Error> {
        trace::create_directory(dir, segments.owner)?;
        Ok(Self {
            dir: dir.to_owned(),
            options: options.clone(),
            segments,
            snapshots: VecDeque::new(),
            watch: TriggerWatch::new(options.triggers),
            fired: None,
            last: 0,
            written: VecDeque::new(),
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

    /// Has the merger keep the events before `horizon`; says what happened if they shall be written now.
    pub fn hold(&mut self, merger: &mut Merger, horizon: u64) -> Option<String> {
        let keep = self.options.keep.as_nanos() as u64;
        merger.hold(horizon, |event| {
            let fired = self.watch.inspect(event);
            self.fired = self.fired.take().or(fired);
        });
        // As much is kept as is wanted from before what happened, which may have been a while ago.
        let since = self.fired.as_ref().map_or(horizon, |(time, _)| *time).saturating_sub(keep);
        merger.evict(since, horizon, self.options.memory);
        // The state before the first event that is kept is wanted, too.
        while self.snapshots.get(1).is_some_and(|second| second.window().0 < since) {
            self.snapshots.pop_front();
        }
        // Each event is written once: what follows right after is part of the next trace, when enough of it has come
        // together.
        let (_, reason) = self.fired.take_if(|_| self.last == 0 || horizon.saturating_sub(self.last) >= keep)?;
        self.last = horizon;
        Some(reason)
    }

    /// Keeps a snapshot, which belongs to the events around it. When all snapshots take more than their share of the
    /// memory, an eighth, every second one is dropped.
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

    /// Starts a trace of what is kept, with the snapshots that belong to it.
    ///
    /// # Errors
    /// The writer's.
    pub fn open(&mut self, merger: &Merger, header: &Header, reason: &str) -> Result<(Writer, Header), Error> {
        self.traces += 1;
        let path = self.dir.join(format!("{:04}", self.traces));
        let mut header = header.clone();
        header.clock.start_ns = merger.held_since().unwrap_or(header.clock.end_ns);
        header.options.insert("flight_recorder".to_owned(), reason.to_owned());
        let mut writer = Writer::create(&path, &header, self.segments.clone())?;
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
    pub fn close(&mut self, writer: Writer, mut header: Header, now: u64, reason: String) -> Result<(), Error> {
        header.clock.end_ns = now;
        header.finished = Some(reason);
        self.bytes += writer.bytes();
        Ok(writer.finish(&header)?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::options::Triggers, *};

    #[test]
    fn snapshots_of_a_long_window_take_bounded_memory() {
        let tmp = tempfile::tempdir().unwrap();
        let options =
            FlightOptions { keep: Duration::from_secs(1), memory: 1 << 20, triggers: Triggers::default(), traces: 3 };
        let mut recorder = FlightRecorder::create(&tmp.path().join("f"), &options, trace::Options::default()).unwrap();
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
        let options =
            FlightOptions { keep: Duration::from_secs(1), memory: 1, triggers: Triggers::default(), traces: 1 };
        assert!(FlightRecorder::create(tmp.path(), &options, trace::Options::default()).is_err());
    }
}
