//! The main loop of a recording, which empties the rings, writes rows and takes snapshots; and the end of the
//! recording.

use std::{
    process::Child,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use trace::{Header, Ledger, Program};

use super::{
    options::{Options, Requests},
    output::Output,
    snapshot::{FrameReader, Snapshot, SnapshotReader},
    summary::{Progress, Summary},
};
use crate::{
    Error,
    bpf::Capture,
    kernel::monotonic_ns,
    merge::{Merger, TraceWriter},
};

/// The number of records after which rows are written, and the time after which they are written in any case. Together
/// with [`SETTLE`], they bound what a crash can cost.
const BATCH: usize = 1 << 16;
const FLUSH: Duration = Duration::from_millis(500);
/// The longest time between two readings of the rings. The time is shorter while the rings fill faster.
const LOOK: Duration = Duration::from_millis(20);
/// The age from which an event is certain to be in its ring. A program takes about a microsecond from its time stamp to
/// the end of its record, but its CPU may be a virtual one that the host does not run at that moment.
const SETTLE: Duration = Duration::from_millis(200);

/// A running recording.
pub(super) struct Session {
    pub capture: Capture,
    pub merger: Merger,
    pub output: Output,
    pub snapshots: SnapshotReader,
    pub frames: FrameReader,
    pub header: Header,
    pub started: Instant,
}

impl Session {
    /// Records until something ends the recording, and returns its summary.
    pub fn run(
        mut self,
        options: &Options,
        mut child: Option<Child>,
        requests: &Requests,
        progress: &mut dyn FnMut(Progress),
    ) -> Summary {
        let mut failure = self.begin().err();
        let mut stopped = "an error".to_owned();
        let mut unwritten = 0;
        let (mut last_write, mut last_snapshot, mut pause) = (Instant::now(), Instant::now(), LOOK);
        while failure.is_none() {
            if let Some(reason) = stop_reason(options, child.as_mut(), &requests.stop, self.started) {
                stopped = reason;
                break;
            }
            let look = monotonic_ns();
            let drained = self.capture.drain(|record| self.merger.push(record));
            unwritten += drained.records;
            if unwritten >= BATCH || last_write.elapsed() >= FLUSH {
                // The reading has taken all records that were in the rings when it began.
                failure = self.write_due(look.saturating_sub(SETTLE.as_nanos() as u64), &requests.write).err();
                (last_write, unwritten) = (Instant::now(), 0);
                progress(Progress {
                    elapsed: self.started.elapsed(),
                    events: self.merger.received(),
                    bytes: self.output.bytes(),
                });
            }
            if last_snapshot.elapsed() >= options.snapshot_interval && failure.is_none() {
                last_snapshot = Instant::now();
                failure = self.take_snapshot().err();
            }
            // The pause is chosen so that at most an eighth of a ring fills between two readings.
            pause =
                if drained.fullest > 0.125 { pause / 2 } else { (pause * 2).min(LOOK) }.max(Duration::from_micros(100));
            if drained.fullest < 0.5 {
                thread::sleep(pause.min(time_left(options, self.started)));
            }
        }
        self.end(&stopped, failure)
    }

    /// Writes the header, the first batch and the first snapshot of the trace.
    fn begin(&mut self) -> Result<(), Error> {
        if let Output::Trace(thread) = &self.output {
            let (header, first) = (self.header.clone(), self.merger.first_batch());
            thread.write(first.bytes(), move |trace| {
                // The header is written again, because the start time is known only now and a recording that is killed
                // writes no later header.
                trace.writer.write_header(&header)?;
                first.write(trace)
            })?;
        }
        self.take_snapshot_with_slabs()
    }

    /// Writes, or keeps for the flight recorder, the records before `horizon`. A signal sets `asked` to make the flight
    /// recorder write.
    fn write_due(&mut self, horizon: u64, asked: &AtomicBool) -> Result<(), Error> {
        match &mut self.output {
            Output::Trace(thread) => {
                let written = self
                    .frames
                    .rows(false)
                    .map_or(Ok(()), |frames| thread.write(0, move |trace| frames.write(&mut trace.writer)));
                let batch = self.merger.take_due(horizon);
                written.and(thread.write(batch.bytes(), |trace| batch.write(trace)))
            }
            Output::Flight(recorder) => {
                let reason = recorder.hold(&mut self.merger, horizon);
                let asked = asked.swap(false, Ordering::Relaxed).then(|| "a signal asked for it".to_owned());
                reason.or(asked).map_or(Ok(()), |reason| self.write_flight(&reason))
            }
        }
    }

    /// Writes what the flight recorder has kept, and the present state of the machine, to a new trace.
    fn write_flight(&mut self, reason: &str) -> Result<(), Error> {
        self.take_snapshot_with_slabs()?;
        let missed = self.missed();
        let Output::Flight(recorder) = &mut self.output else { return Ok(()) };
        let (writer, header) = recorder.open(&self.merger, &self.header, reason)?;
        let mut trace = TraceWriter::new(writer);
        self.merger.take_held().write(&mut trace)?;
        let now = monotonic_ns();
        let mut ledger = ledger(&self.capture, &self.merger, now, &missed)?;
        for row in &mut ledger {
            // Records that are still in the rings, or will be in the next trace, count as filtered in this one.
            row.filtered = row.seen - row.written - row.dropped;
        }
        trace.writer.append(&ledger).map_err(|(error, _)| error)?;
        recorder.close(trace.writer, header, now, reason.to_owned())
    }

    /// Detaches the programs, empties the rings, and writes the last rows and the ledger.
    fn end(mut self, stopped: &str, mut failure: Option<Error>) -> Summary {
        // The misses are read before the programs are detached, because a detached program reports none.
        let missed = self.missed();
        failure = failure.or(self.take_snapshot_with_slabs().err());
        // The waiting records are written even if one of the following steps fails.
        failure = failure.or(self.capture.detach().err());
        let elapsed = self.started.elapsed();
        self.drain_the_rest();
        match &mut self.output {
            Output::Trace(thread) => {
                let batch = self.merger.take_due(u64::MAX);
                failure = failure.or(thread.write(batch.bytes(), |trace| batch.write(trace)).err());
                if let Some(frames) = self.frames.rows(true) {
                    failure = failure.or(thread.write(0, move |trace| frames.write(&mut trace.writer)).err());
                }
                // The ledger's last rows count the records that are written.
                failure = failure.or(thread.flush().err());
            }
            Output::Flight(_) => {
                self.merger.hold(u64::MAX, |_| {});
                self.merger.evict(u64::MAX, u64::MAX, usize::MAX);
            }
        }

        let now = monotonic_ns();
        let ledger = ledger(&self.capture, &self.merger, now, &missed).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            Vec::new()
        });
        let sum = |column: fn(&Ledger) -> u64| ledger.iter().map(column).sum();
        let mut summary = Summary {
            stopped: stopped.to_owned(),
            elapsed,
            written: sum(|row| row.written),
            seen: sum(|row| row.seen),
            dropped: sum(|row| row.dropped),
            filtered: sum(|row| row.filtered),
            missed: sum(|row| row.missed),
            bytes: 0,
            traces: 1,
            failure: None,
        };
        match self.output {
            Output::Trace(thread) => {
                let mut writer = thread.end();
                failure = failure.or(writer.append(&ledger).map_err(|(error, _)| error.into()).err());
                self.header.clock.end_ns = now;
                self.header.finished = Some(failure.as_ref().map_or_else(|| stopped.to_owned(), ToString::to_string));
                summary.bytes = writer.bytes();
                failure = failure.or(writer.finish(&self.header).map_err(Error::from).err());
            }
            Output::Flight(recorder) => (summary.bytes, summary.traces) = (recorder.bytes(), recorder.traces()),
        }
        summary.failure = failure.map(|error| error.to_string());
        summary
    }

    /// Empties the rings after the programs were detached. A program may still be running on another CPU; until it
    /// ends, its counters are ahead of the rings.
    fn drain_the_rest(&mut self) {
        let deadline = Instant::now() + 10 * SETTLE;
        loop {
            self.capture.drain(|record| self.merger.push(record));
            if self.emitted().map_or(true, |emitted| self.merger.received() >= emitted) || Instant::now() >= deadline {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns how many records the programs have put into the rings.
    fn emitted(&self) -> Result<u64, Error> {
        let mut emitted = 0;
        for program in self.capture.programs() {
            emitted += self
                .capture
                .counters(program)?
                .iter()
                .map(|counters| counters.seen - counters.dropped - counters.filtered)
                .sum::<u64>();
        }
        Ok(emitted)
    }

    /// Returns how often the kernel did not run each program so far.
    fn missed(&self) -> Vec<(Program, u64)> {
        self.capture.programs().map(|program| (program, self.capture.missed(program))).collect()
    }

    fn take_snapshot(&mut self) -> Result<(), Error> {
        let snapshot = self.snapshots.take(&self.header)?;
        self.write_snapshot(snapshot)
    }

    fn take_snapshot_with_slabs(&mut self) -> Result<(), Error> {
        let snapshot = self.snapshots.take_with_slabs(&self.header)?;
        self.write_snapshot(snapshot)
    }

    /// Writes a snapshot with the present ledger, or keeps it for the flight recorder.
    fn write_snapshot(&mut self, mut snapshot: Snapshot) -> Result<(), Error> {
        let now = monotonic_ns();
        snapshot.ledger = ledger(&self.capture, &self.merger, now, &self.missed())?;
        self.header.clock.end_ns = now;
        match &mut self.output {
            Output::Trace(thread) => thread.write(snapshot.bytes(), move |trace| snapshot.write(&mut trace.writer)),
            Output::Flight(recorder) => {
                recorder.keep(snapshot);
                Ok(())
            }
        }
    }
}

/// Returns the ledger's rows about all programs. `now` is the time of the rows in ns of `CLOCK_MONOTONIC`, and `missed`
/// says how often the kernel did not run each program.
fn ledger(capture: &Capture, merger: &Merger, now: u64, missed: &[(Program, u64)]) -> Result<Vec<Ledger>, Error> {
    let mut ledger = Vec::new();
    for (program, missed) in missed {
        ledger.extend(merger.ledger(now, *program, &capture.counters(*program)?, *missed));
    }
    Ok(ledger)
}

/// Returns the reason why the recording ends now, if it does.
fn stop_reason(options: &Options, child: Option<&mut Child>, stop: &AtomicBool, started: Instant) -> Option<String> {
    if stop.load(Ordering::Relaxed) {
        return Some("a signal".to_owned());
    }
    if options.duration.is_some_and(|duration| started.elapsed() >= duration) {
        return Some("the duration was over".to_owned());
    }
    let status = child?.try_wait().ok().flatten()?;
    Some(format!("the command ended ({status})"))
}

/// Returns the time until the duration is over; [`LOOK`] if the duration is not limited.
fn time_left(options: &Options, started: Instant) -> Duration {
    options.duration.map_or(LOOK, |duration| duration.saturating_sub(started.elapsed()))
}
