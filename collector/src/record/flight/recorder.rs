//! The flight recorder's snapshots and triggers, and the traces that it writes.

use std::{
    collections::VecDeque,
    fs, mem,
    path::{Path, PathBuf},
};

use trace::{Header, Writer};

use super::{options::FlightOptions, trigger::TriggerWatch};
use crate::{Error, merge::Merger, record::snapshot::Snapshot};

/// Keeps the last seconds, and writes them when a trigger fires. The events are kept in the [`Merger`], and the
/// snapshots here.
pub struct FlightRecorder {
    /// The directory in which each trace gets a directory of its own.
    dir: PathBuf,
    options: FlightOptions,
    segments: trace::Options,
    snapshots: VecDeque<Snapshot>,
    watch: TriggerWatch,
    /// The trigger that has fired and is not written yet: its time in ns of `CLOCK_MONOTONIC`, and what happened.
    fired: Option<(u64, String)>,
    /// The horizon when a trace was last written, in ns of `CLOCK_MONOTONIC`; 0 means never.
    last: u64,
    /// The traces that have not been removed, the oldest first.
    written: VecDeque<PathBuf>,
    traces: u32,
    bytes: u64,
}

impl FlightRecorder {
    /// Creates the directory for the traces.
    ///
    /// # Errors
    /// [`Error::Trace`] if the directory exists and is not empty, or if the system refuses.
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

    /// Returns the number of bytes written so far to all traces.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the number of traces written so far.
    pub fn traces(&self) -> u32 {
        self.traces
    }

    /// Makes the merger keep the events before `horizon`. If they shall be written now, returns the reason.
    pub fn hold(&mut self, merger: &mut Merger, horizon: u64) -> Option<String> {
        let keep = self.options.keep.as_nanos() as u64;
        merger.hold(horizon, |event| {
            let fired = self.watch.inspect(event);
            self.fired = self.fired.take().or(fired);
        });
        // The kept length is counted back from the trigger, which may have fired a while ago.
        let since = self.fired.as_ref().map_or(horizon, |(time, _)| *time).saturating_sub(keep);
        merger.evict(since, horizon, self.options.memory);
        // One snapshot from before the first kept event is kept, because it holds the state at that event.
        while self.snapshots.get(1).is_some_and(|second| second.window().0 < since) {
            self.snapshots.pop_front();
        }
        // Each event is written to one trace only. The events that follow are part of the next trace, which is written
        // at the earliest when the kept length has passed.
        let (_, reason) = self.fired.take_if(|_| self.last == 0 || horizon.saturating_sub(self.last) >= keep)?;
        self.last = horizon;
        Some(reason)
    }

    /// Keeps a snapshot with the events around it. When the snapshots take more than an eighth of the memory, every
    /// second one is dropped.
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

    /// Starts a trace of what is kept, and writes the snapshots to it.
    ///
    /// # Errors
    /// The error of the writer.
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
                // The directory may have been removed by somebody else.
                let _gone = fs::remove_dir_all(oldest);
            }
        }
        Ok((writer, header))
    }

    /// Ends the trace that [`Self::open`] has started.
    ///
    /// # Errors
    /// The error of the writer.
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
