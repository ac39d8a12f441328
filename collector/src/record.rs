//! One recording, from loading the programs to the last line of the ledger.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::PathBuf,
    process::{self, Child, Command},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use trace::{Header, Ledger, Program, Writer};

use crate::{
    Error,
    bpf::{Addresses, Capture, Filter, Settings, Source},
    journal::Journal,
    kernel::{Kallsyms, Tracefs, describe, monotonic_ns},
    privilege,
    snapshot::{Snapshot, Snapshots},
    symbols::Symbols,
    tasks,
};

/// What to record, and for how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// the trace directory to make
    pub output: PathBuf,
    /// stop after so long
    pub duration: Option<Duration>,
    /// page events
    pub pages: bool,
    /// kmalloc and kfree
    pub slab: bool,
    /// which of them; the collector itself is always left out
    pub filter: Filter,
    /// GFP flags that an allocation must have, by the traced kernel's names
    pub gfp: Option<String>,
    /// how to attach
    pub source: Source,
    /// bytes of each CPU's ring
    pub ring_size: u32,
    /// between two snapshots of `/proc`
    pub snapshot_interval: Duration,
    /// bytes after which a new segment is started
    pub rotate: u64,
    /// store kernel addresses as they are
    pub raw_addresses: bool,
    /// a command to run; the recording ends with it
    pub command: Vec<OsString>,
}

/// How it went.
#[derive(Debug, Clone)]
pub struct Summary {
    /// what ended it, in words
    pub stopped: String,
    /// from the first to the last look into the rings
    pub elapsed: Duration,
    /// events in the trace
    pub written: u64,
    /// events that the programs saw
    pub seen: u64,
    /// events lost
    pub dropped: u64,
    /// events left out on purpose: the collector's own, and those that no filter passes
    pub filtered: u64,
    /// times the kernel did not run a program
    pub missed: u64,
    /// bytes of the trace
    pub bytes: u64,
    /// what broke the recording off, if something did: the trace up to there is whole
    pub failure: Option<String>,
}

/// What is told while it runs.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// since the start
    pub elapsed: Duration,
    /// rows written
    pub written: u64,
    /// bytes written
    pub bytes: u64,
}

/// Rows are written when so many have come, or so long after the last time: with [`SETTLE`], what a crash can cost.
const BATCH: usize = 1 << 16;
const FLUSH: Duration = Duration::from_millis(500);
/// The rings are looked at so often; more often when they fill faster.
const LOOK: Duration = Duration::from_millis(20);
/// An event this old is in its ring for all to see. A program takes a microsecond from its time stamp to the end of its record, but its
/// CPU may be a virtual one that its host does not run just then.
const SETTLE: Duration = Duration::from_millis(200);

/// Records until the duration is over, the command ends, or `stop` is set.
///
/// # Errors
/// What kept the recording from starting. What ends it later is told in [`Summary::failure`].
pub fn record(options: &Options, stop: &AtomicBool, progress: &mut dyn FnMut(Progress)) -> Result<Summary, Error> {
    if !privilege::can_load() {
        return Err(Error::NotRoot);
    }
    let tracefs = Tracefs::find()?;
    let programs = programs(options);
    let mut header = describe(&tracefs, &programs)?;
    let addresses = Addresses::learn(&tracefs, options.source)?;
    header.objects_are_physical = addresses.objects_are_physical() && !options.raw_addresses;
    header.raw_addresses = options.raw_addresses;
    header.options = describe_options(options);

    let filter = Filter { self_tgid: process::id(), gfp_bits: gfp_bits(options, &header)?, ..options.filter.clone() };
    let settings = Settings { programs, source: options.source, ring_size: options.ring_size, filter };
    let mut capture = Capture::load(&tracefs, &settings)?;
    let kallsyms = if options.slab { Kallsyms::read()? } else { Kallsyms::default() };
    let snapshots = Snapshots::open()?;
    let writer = trace::Options { segment_bytes: options.rotate, owner: privilege::sudo_user(), ..trace::Options::default() };
    let writer = Writer::create(&options.output, &header, writer)?;
    capture.attach()?;
    header.clock.start_ns = monotonic_ns();
    let child = spawn(&options.command)?;
    privilege::drop_all()?;

    let journal = Journal::new(addresses, options.raw_addresses, header.zones.clone(), Symbols::new(kallsyms), header.cpu_node.len());
    Ok(Session { capture, journal, writer, snapshots, header, started: Instant::now() }.run(options, child, stop, progress))
}

fn gfp_bits(options: &Options, header: &Header) -> Result<u32, Error> {
    let Some(text) = &options.gfp else { return Ok(0) };
    let unknown = |part| {
        Error::Option(format!(
            "`{part}` is no GFP flag of this kernel; it knows {}",
            header.gfp.entries().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
        ))
    };
    header.gfp.encode(text).map_err(unknown)
}

fn programs(options: &Options) -> Vec<Program> {
    let mut programs = vec![Program::TaskNew, Program::TaskRename];
    if options.pages {
        programs.extend([Program::PageAlloc, Program::PageFree]);
    }
    if options.slab {
        programs.extend([Program::Kmalloc, Program::Kfree]);
    }
    programs
}

fn describe_options(options: &Options) -> BTreeMap<String, String> {
    let events = [("page", options.pages), ("slab", options.slab)];
    let events: Vec<_> = events.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| *name).collect();
    let command: Vec<_> = options.command.iter().map(|word| word.to_string_lossy()).collect();
    let or_empty = |number: u32| if number == 0 { String::new() } else { number.to_string() };
    let pairs = [
        ("events", events.join(",")),
        ("source", format!("{:?}", options.source).to_lowercase()),
        ("ring_size", options.ring_size.to_string()),
        ("snapshot_interval_s", options.snapshot_interval.as_secs_f64().to_string()),
        ("duration_s", options.duration.map_or_else(String::new, |duration| duration.as_secs_f64().to_string())),
        ("command", command.join(" ")),
        ("filter_pid", or_empty(options.filter.only_tgid)),
        ("filter_comm", options.filter.comm.clone()),
        ("filter_min_order", or_empty(options.filter.min_order)),
        ("filter_min_bytes", or_empty(options.filter.min_bytes)),
        ("filter_gfp", options.gfp.clone().unwrap_or_default()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn spawn(command: &[OsString]) -> Result<Option<Child>, Error> {
    let [program, arguments @ ..] = command else { return Ok(None) };
    let child = Command::new(program).args(arguments).spawn();
    child.map(Some).map_err(|source| Error::Command { command: program.to_string_lossy().into_owned(), source })
}

struct Session {
    capture: Capture,
    journal: Journal,
    writer: Writer,
    snapshots: Snapshots,
    header: Header,
    started: Instant,
}

impl Session {
    fn run(mut self, options: &Options, mut child: Option<Child>, stop: &AtomicBool, progress: &mut dyn FnMut(Progress)) -> Summary {
        let mut failure = self.begin().err();
        let mut stopped = "an error".to_owned();
        let mut unwritten = 0;
        let (mut last_write, mut last_snapshot, mut pause) = (Instant::now(), Instant::now(), LOOK);
        while failure.is_none() {
            if let Some(reason) = stop_reason(options, child.as_mut(), stop, self.started) {
                stopped = reason;
                break;
            }
            let look = monotonic_ns();
            let (records, emptied) = self.capture.drain(|record| self.journal.push(record));
            unwritten += records;
            if unwritten >= BATCH || last_write.elapsed() >= FLUSH {
                // A look takes as many records as a ring can hold, so it has taken all that were there when it began.
                failure = self.journal.write(look.saturating_sub(SETTLE.as_nanos() as u64), &mut self.writer).err();
                (last_write, unwritten) = (Instant::now(), 0);
                progress(Progress { elapsed: self.started.elapsed(), written: self.journal.written(), bytes: self.writer.bytes() });
            }
            if last_snapshot.elapsed() >= options.snapshot_interval && failure.is_none() {
                last_snapshot = Instant::now();
                failure = self.snapshot().err();
            }
            // At most an eighth of a ring may fill between two looks.
            let eighths = records * 8 / self.capture.ring_records().max(1);
            pause = if eighths > 1 { pause / 2 } else { (pause * 2).min(LOOK) }.max(Duration::from_micros(100));
            if emptied {
                thread::sleep(pause.min(until_next(options, self.started)));
            }
        }
        self.end(&stopped, failure)
    }

    fn begin(&mut self) -> Result<(), Error> {
        // Again, for only now is the start known: a killed recording has no later header.
        self.writer.write_header(&self.header)?;
        self.writer.append(&tasks::running()).map_err(|(error, _)| error)?;
        self.snapshot()
    }

    /// Detaches, empties the rings, and settles the account.
    fn end(mut self, stopped: &str, mut failure: Option<Error>) -> Summary {
        // Read before the programs go: a detached program has no misses any more.
        let missed = self.missed();
        failure = failure.or(self.snapshot().err());
        // Whatever fails from here on, the records that wait are written.
        failure = failure.or(self.capture.detach().err());
        let elapsed = self.started.elapsed();
        // A program that runs on another CPU just now still ends: until then the kernel's counts are ahead of the rings.
        let deadline = Instant::now() + 10 * SETTLE;
        loop {
            self.capture.drain(|record| self.journal.push(record));
            if self.emitted().map_or(true, |emitted| self.journal.received() >= emitted) || Instant::now() >= deadline {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        failure = failure.or(self.journal.write(u64::MAX, &mut self.writer).err());

        let mut summary =
            Summary { stopped: stopped.to_owned(), elapsed, written: 0, seen: 0, dropped: 0, filtered: 0, missed: 0, bytes: 0, failure: None };
        let now = monotonic_ns();
        let ledger = self.ledger(now, &missed).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            Vec::new()
        });
        for row in &ledger {
            summary.seen += row.seen;
            summary.written += row.written;
            summary.dropped += row.dropped;
            summary.filtered += row.filtered;
            summary.missed += row.missed;
        }
        failure = failure.or(self.writer.append(&ledger).map_err(|(error, _)| error.into()).err());
        self.header.clock.end_ns = now;
        self.header.finished = Some(failure.as_ref().map_or_else(|| stopped.to_owned(), ToString::to_string));
        summary.bytes = self.writer.bytes();
        let finished = self.writer.finish(&self.header).map_err(Error::from).err();
        summary.failure = failure.or(finished).map(|error| error.to_string());
        summary
    }

    /// Records that the programs have put into the rings.
    fn emitted(&self) -> Result<u64, Error> {
        let mut emitted = 0;
        for program in self.capture.programs() {
            emitted += self.capture.counters(program)?.iter().map(|counters| counters.seen - counters.dropped - counters.filtered).sum::<u64>();
        }
        Ok(emitted)
    }

    /// How often the kernel did not run each program so far.
    fn missed(&self) -> Vec<(Program, u64)> {
        self.capture.programs().map(|program| (program, self.capture.missed(program))).collect()
    }

    /// The ledger as it stands.
    fn ledger(&self, now: u64, missed: &[(Program, u64)]) -> Result<Vec<Ledger>, Error> {
        let mut ledger = Vec::new();
        for (program, missed) in missed {
            ledger.extend(self.journal.ledger(now, *program, &self.capture.counters(*program)?, *missed));
        }
        Ok(ledger)
    }

    fn snapshot(&mut self) -> Result<(), Error> {
        let Snapshot { free_area, pageblock, zone_stat, vmstat } = self.snapshots.take(&self.header)?;
        let now = monotonic_ns();
        let ledger = self.ledger(now, &self.missed())?;
        let writer = &mut self.writer;
        let written = writer.append(&free_area).and_then(|()| writer.append(&pageblock)).and_then(|()| writer.append(&zone_stat));
        let written = written.and_then(|()| writer.append(&vmstat)).and_then(|()| writer.append(&ledger));
        written.map_err(|(error, _)| error)?;
        self.header.clock.end_ns = now;
        Ok(())
    }
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
