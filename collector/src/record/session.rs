//! What happens while it records: rings are emptied, rows written, snapshots taken; and how it ends.

use std::{
    process::Child,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use trace::{Header, Ledger, Program, Writer};

use super::{Options, Progress, Requests, Summary, scribe::Scribe};
use crate::{
    Error,
    bpf::Capture,
    flight::FlightRecorder,
    journal::{Journal, Pen},
    kernel::monotonic_ns,
    snapshot::{FrameMap, Snapshot, Snapshots},
};

/// Rows are written when so many have come, or so long after the last time: with [`SETTLE`], what a crash can cost.
const BATCH: usize = 1 << 16;
const FLUSH: Duration = Duration::from_millis(500);
/// The rings are looked at so often; more often when they fill faster.
const LOOK: Duration = Duration::from_millis(20);
/// An event this old is in its ring for all to see. A program takes a microsecond from its time stamp to the end of its
/// record, but its CPU may be a virtual one that its host does not run just then.
const SETTLE: Duration = Duration::from_millis(200);

/// A recording that runs.
pub(super) struct Session {
    pub capture: Capture,
    pub journal: Journal,
    pub output: Output,
    pub snapshots: Snapshots,
    pub frames: FrameMap,
    pub header: Header,
    pub started: Instant,
}

/// Where the events go.
pub(super) enum Output<Trace = Scribe> {
    /// into one trace, as they come
    Trace(Trace),
    /// into memory, and from there into a trace of their own each time something happens
    Flight(Box<FlightRecorder>),
}

impl Output<Writer> {
    /// From here on a thread writes. It has the privileges that this one has now.
    pub fn start(self) -> Result<Output, Error> {
        Ok(match self {
            Self::Trace(writer) => Output::Trace(Scribe::start(Pen::new(writer))?),
            Self::Flight(recorder) => Output::Flight(recorder),
        })
    }
}

impl Output {
    fn bytes(&self) -> u64 {
        match self {
            Self::Trace(scribe) => scribe.bytes(),
            Self::Flight(recorder) => recorder.bytes(),
        }
    }
}

impl Session {
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
            let drained = self.capture.drain(|record| self.journal.push(record));
            unwritten += drained.records;
            if unwritten >= BATCH || last_write.elapsed() >= FLUSH {
                // A look has taken all that were in the rings when it began.
                failure = self.settle(look.saturating_sub(SETTLE.as_nanos() as u64), &requests.write).err();
                (last_write, unwritten) = (Instant::now(), 0);
                progress(Progress {
                    elapsed: self.started.elapsed(),
                    events: self.journal.received(),
                    bytes: self.output.bytes(),
                });
            }
            if last_snapshot.elapsed() >= options.snapshot_interval && failure.is_none() {
                last_snapshot = Instant::now();
                failure = self.snapshot().err();
            }
            // At most an eighth of a ring may fill between two looks.
            pause =
                if drained.fullest > 0.125 { pause / 2 } else { (pause * 2).min(LOOK) }.max(Duration::from_micros(100));
            if drained.fullest < 0.5 {
                thread::sleep(pause.min(until_next(options, self.started)));
            }
        }
        self.end(&stopped, failure)
    }

    fn begin(&mut self) -> Result<(), Error> {
        if let Output::Trace(scribe) = &self.output {
            let (header, beginning) = (self.header.clone(), self.journal.beginning());
            scribe.write(beginning.bytes(), move |pen| {
                // Again, for only now is the start known: a killed recording has no later header.
                pen.writer.write_header(&header)?;
                beginning.write(pen)
            })?;
        }
        self.snapshot_with_slabs()
    }

    /// Writes, or keeps, what is due.
    fn settle(&mut self, horizon: u64, asked: &AtomicBool) -> Result<(), Error> {
        match &mut self.output {
            Output::Trace(scribe) => {
                let written = self
                    .frames
                    .rows(false)
                    .map_or(Ok(()), |frames| scribe.write(0, move |pen| frames.write(&mut pen.writer)));
                let batch = self.journal.due(horizon);
                written.and(scribe.write(batch.bytes(), |pen| batch.write(pen)))
            }
            Output::Flight(recorder) => {
                let happened = recorder.hold(&mut self.journal, horizon);
                let asked = asked.swap(false, Ordering::Relaxed).then(|| "a signal asked for it".to_owned());
                happened.or(asked).map_or(Ok(()), |why| self.write_flight(&why))
            }
        }
    }

    /// Writes what the flight recorder has kept, and the state of the machine now.
    fn write_flight(&mut self, why: &str) -> Result<(), Error> {
        self.snapshot_with_slabs()?;
        let missed = self.missed();
        let Output::Flight(recorder) = &mut self.output else { return Ok(()) };
        let (writer, header) = recorder.open(&self.journal, &self.header, why)?;
        let mut pen = Pen::new(writer);
        self.journal.held().write(&mut pen)?;
        let now = monotonic_ns();
        let mut ledger = ledger(&self.capture, &self.journal, now, &missed)?;
        for row in &mut ledger {
            // What is on its way, and what the next trace will have, is not in this one.
            row.filtered = row.seen - row.written - row.dropped;
        }
        pen.writer.append(&ledger).map_err(|(error, _)| error)?;
        recorder.close(pen.writer, header, now, why.to_owned())
    }

    /// Detaches, empties the rings, and settles the account.
    fn end(mut self, stopped: &str, mut failure: Option<Error>) -> Summary {
        // Read before the programs go: a detached program has no misses any more.
        let missed = self.missed();
        failure = failure.or(self.snapshot_with_slabs().err());
        // Whatever fails from here on, the records that wait are written.
        failure = failure.or(self.capture.detach().err());
        let elapsed = self.started.elapsed();
        // A program that runs on another CPU just now still ends: until then the kernel's counts are ahead of the
        // rings.
        let deadline = Instant::now() + 10 * SETTLE;
        loop {
            self.capture.drain(|record| self.journal.push(record));
            if self.emitted().map_or(true, |emitted| self.journal.received() >= emitted) || Instant::now() >= deadline {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        match &mut self.output {
            Output::Trace(scribe) => {
                let batch = self.journal.due(u64::MAX);
                failure = failure.or(scribe.write(batch.bytes(), |pen| batch.write(pen)).err());
                if let Some(frames) = self.frames.rows(true) {
                    failure = failure.or(scribe.write(0, move |pen| frames.write(&mut pen.writer)).err());
                }
                // The last line of the account is made from what is written.
                failure = failure.or(scribe.flush().err());
            }
            Output::Flight(_) => {
                self.journal.hold(u64::MAX, |_| {});
                self.journal.let_go(u64::MAX, u64::MAX, usize::MAX);
            }
        }

        let now = monotonic_ns();
        let ledger = ledger(&self.capture, &self.journal, now, &missed).unwrap_or_else(|error| {
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
            Output::Trace(scribe) => {
                let mut writer = scribe.end();
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

    /// Records that the programs have put into the rings.
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

    /// How often the kernel did not run each program so far.
    fn missed(&self) -> Vec<(Program, u64)> {
        self.capture.programs().map(|program| (program, self.capture.missed(program))).collect()
    }

    fn snapshot(&mut self) -> Result<(), Error> {
        let snapshot = self.snapshots.take(&self.header)?;
        self.keep(snapshot)
    }

    fn snapshot_with_slabs(&mut self) -> Result<(), Error> {
        let snapshot = self.snapshots.take_with_slabs(&self.header)?;
        self.keep(snapshot)
    }

    fn keep(&mut self, mut snapshot: Snapshot) -> Result<(), Error> {
        let now = monotonic_ns();
        snapshot.ledger = ledger(&self.capture, &self.journal, now, &self.missed())?;
        self.header.clock.end_ns = now;
        match &mut self.output {
            Output::Trace(scribe) => scribe.write(snapshot.bytes(), move |pen| snapshot.write(&mut pen.writer)),
            Output::Flight(recorder) => {
                recorder.keep(snapshot);
                Ok(())
            }
        }
    }
}

/// The ledger as it stands.
fn ledger(capture: &Capture, journal: &Journal, now: u64, missed: &[(Program, u64)]) -> Result<Vec<Ledger>, Error> {
    let mut ledger = Vec::new();
    for (program, missed) in missed {
        ledger.extend(journal.ledger(now, *program, &capture.counters(*program)?, *missed));
    }
    Ok(ledger)
}

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

fn until_next(options: &Options, started: Instant) -> Duration {
    options.duration.map_or(LOOK, |duration| duration.saturating_sub(started.elapsed()))
}
