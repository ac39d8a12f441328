//! One recording, from loading the programs to the last line of the ledger.

mod scribe;
mod session;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::PathBuf,
    process,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use trace::{Family, Header, Program, Writer};

use self::session::{Output, Session};
use crate::{
    Error,
    bpf::{Addresses, Capture, Filter, Settings, Source},
    child::spawn,
    flight::{self, FlightRecorder},
    journal::Journal,
    kernel::{Cgroups, KPageFlags, Kallsyms, Tracefs, describe, monotonic_ns},
    privilege,
    resolve::Resolver,
    snapshot::{FrameMap, Snapshots},
};

/// What to record, and for how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// the trace directory to make
    pub output: PathBuf,
    /// stop after so long
    pub duration: Option<Duration>,
    /// which families of events
    pub families: Vec<Family>,
    /// which of them; the collector itself is always left out
    pub filter: Filter,
    /// cgroup whose events are wanted, by its path
    pub cgroup: Option<String>,
    /// one page event in so many has its kernel stack; 0 = none
    pub stack_sample: u32,
    /// GFP flags that an allocation must have, by the traced kernel's names
    pub gfp: Option<String>,
    /// how to attach
    pub source: Source,
    /// bytes of each CPU's ring
    pub ring_size: u32,
    /// between two snapshots of `/proc`
    pub snapshot_interval: Duration,
    /// read at the start what each frame is used for
    pub frames: bool,
    /// bytes after which a new segment is started
    pub rotate: u64,
    /// store kernel addresses as they are
    pub raw_addresses: bool,
    /// keep what happened in memory, and write the last of it when something happens
    pub flight: Option<flight::Options>,
    /// a command to run; the recording ends with it
    pub command: Vec<OsString>,
}

/// What may be asked of a recording while it runs, by a signal say.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    /// to end
    pub stop: Arc<AtomicBool>,
    /// the flight recorder shall write what it has
    pub write: Arc<AtomicBool>,
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
    /// bytes of the trace, or of all traces
    pub bytes: u64,
    /// how many traces were written: 1, but for a flight recorder
    pub traces: u32,
    /// what broke the recording off, if something did: the trace up to there is whole
    pub failure: Option<String>,
}

/// What is told while it runs.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// since the start
    pub elapsed: Duration,
    /// events taken out of the rings
    pub events: u64,
    /// bytes written
    pub bytes: u64,
}

/// Records until the duration is over, the command ends, or it is asked to stop.
///
/// # Errors
/// What kept the recording from starting. What ends it later is told in [`Summary::failure`].
pub fn record(options: &Options, requests: &Requests, progress: &mut dyn FnMut(Progress)) -> Result<Summary, Error> {
    privilege::check()?;
    let tracefs = Tracefs::find()?;
    let programs = programs(options);
    let mut header = describe(&tracefs, &programs)?;
    let addresses = Addresses::learn(&tracefs, options.source)?;
    header.objects_are_physical = addresses.objects_are_physical() && !options.raw_addresses;
    header.raw_addresses = options.raw_addresses;
    header.options = describe_options(options);

    let cgroups = Cgroups::find();
    let filter = Filter {
        self_tgid: process::id(),
        gfp_bits: gfp_bits(options, &header)?,
        cgroup: options.cgroup.as_deref().map(|path| cgroups.named(path)).transpose()?,
        ..options.filter.clone()
    };
    (header.sample, header.stack_sample) = (filter.sample.max(1), options.stack_sample);
    let settings = Settings {
        programs,
        source: options.source,
        ring_size: options.ring_size,
        filter,
        stack_sample: options.stack_sample,
    };
    let mut capture = Capture::load(&tracefs, &settings)?;
    let has_code_addresses = options.stack_sample > 0
        || options.families.iter().any(|family| matches!(family, Family::Slab | Family::Cache));
    let kallsyms = if has_code_addresses { Kallsyms::read()? } else { Kallsyms::default() };
    let snapshots = Snapshots::open()?;
    // Kernels may be built without this file; and a flight recorder forgets its start.
    let frames = if options.frames && options.flight.is_none() { KPageFlags::open().ok() } else { None };
    let writer =
        trace::Options { segment_bytes: options.rotate, owner: privilege::sudo_user(), ..trace::Options::default() };
    let output = match &options.flight {
        None => Output::Trace(Writer::create(&options.output, &header, writer)?),
        Some(flight) => Output::Flight(Box::new(FlightRecorder::create(&options.output, flight, writer)?)),
    };
    capture.attach()?;
    header.clock.start_ns = monotonic_ns();
    let child = spawn(&options.command)?;
    privilege::drop_all()?;

    let output = output.start()?;
    let resolver = Resolver::new(addresses, options.raw_addresses, header.zones.clone(), kallsyms, cgroups);
    let journal = Journal::new(resolver, header.cpu_node.len());
    // Not before privileges are dropped: it reads in a thread of its own, which then has none either.
    let frames = frames.map_or(FrameMap::none(), |flags| FrameMap::start(flags, header.zones.clone()));
    Ok(Session { capture, journal, output, snapshots, frames, header, started: Instant::now() }
        .run(options, child, requests, progress))
}

fn gfp_bits(options: &Options, header: &Header) -> Result<u32, Error> {
    let Some(text) = &options.gfp else { return Ok(0) };
    header.gfp.encode(text).map_err(|part| Error::unknown_gfp(&part, &header.gfp))
}

fn programs(options: &Options) -> Vec<Program> {
    let wanted = |program: &Program| program.family() == Family::Task || options.families.contains(&program.family());
    Program::ALL.into_iter().filter(wanted).collect()
}

fn describe_options(options: &Options) -> BTreeMap<String, String> {
    let events: Vec<_> = options.families.iter().map(|family| family.name()).collect();
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
        ("filter_cgroup", options.cgroup.clone().unwrap_or_default()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
