//! The command `collector record`.

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use clap::ValueEnum;
use collector::{
    Filter, number,
    os::{set_on_usr1, stop_on_signals},
    record::{self, FlightOptions, Options, Progress, Requests, Source, Summary, Triggers},
};
use indicatif::{ProgressBar, ProgressStyle};
use trace::Family;

use super::{
    filter::FilterArgs,
    values::{seconds, size},
};

/// The examples that follow the options in `--help`.
pub const EXAMPLES: &str = "Examples:
  sudo collector record -o trace --duration 10
  sudo collector record -o trace --events page --stacks sampled -- make -j8
  sudo collector record -o trace --order 4 --comm qemu-system-x86 --duration 60
  sudo collector record -o trace --sample 100 --cgroup system.slice/nginx.service
  sudo collector record -o flights --events page,frag,reclaim --flight-recorder 30 --trigger failure=3,oom

Then: analyzer report trace";

#[derive(clap::Args)]
pub struct RecordArgs {
    /// Trace directory to make; it must not exist, or be empty
    #[arg(short, long, value_name = "DIR", default_value = "trace")]
    output: PathBuf,
    /// Stop after so many seconds
    #[arg(long, value_name = "S", value_parser = seconds)]
    duration: Option<Duration>,
    /// Events to record; each family costs what its events cost
    #[arg(long, value_delimiter = ',', value_enum, default_value = "page,slab", value_name = "FAMILY,…")]
    events: Vec<Events>,
    /// Kernel stacks of page events: of one in 100, or of all (which costs several times as much)
    #[arg(long, value_enum, default_value = "none")]
    stacks: Stacks,
    /// Follow one page frame and one object in N only; reports scale the counts and say so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Size of each CPU's ring, rounded up to a power of two: what can wait while the disk is slow
    #[arg(long, value_name = "SZ", default_value = "8M", value_parser = size)]
    ring_size: u64,
    /// Start a new segment when one has this size
    #[arg(long, value_name = "SZ", default_value = "64M", value_parser = size)]
    rotate: u64,
    /// Seconds between two snapshots of /proc/buddyinfo, pagetypeinfo, zoneinfo and vmstat
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    snapshot_interval: Duration,
    /// Do not read at the start what each page frame is used for (/proc/kpageflags; a second per 32 GiB)
    #[arg(long)]
    no_frames: bool,
    /// Keep the last S seconds in memory, and write them into a trace of their own (DIR/0001, …) on a trigger or
    /// SIGUSR1; then go on
    #[arg(long, value_name = "S", value_parser = seconds)]
    flight_recorder: Option<Duration>,
    /// What makes the flight recorder write: an allocation of at least this order that fails, the OOM killer, an
    /// allocation that waits so many milliseconds for compaction
    #[arg(long, value_delimiter = ',', value_name = "failure=ORDER,oom,compaction=MS", default_value = "failure=0,oom", value_parser = trigger)]
    trigger: Vec<Trigger>,
    /// Most memory for what the flight recorder keeps; the oldest events go first
    #[arg(long, value_name = "SZ", default_value = "512M", value_parser = size)]
    flight_memory: u64,
    /// Most traces that the flight recorder keeps; the oldest is removed
    #[arg(long, value_name = "N", default_value = "16")]
    flight_traces: usize,
    /// Store kernel addresses as they are; anyone who reads the trace learns where the kernel lies in memory
    #[arg(long)]
    raw_addresses: bool,
    /// How to attach to the kernel
    #[arg(long, value_enum, default_value = "raw")]
    attach: Attach,
    /// Command to run; recording ends with it
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Events {
    /// pages allocated and freed
    Page,
    /// kmalloc and kfree
    Slab,
    /// allocations from and frees to the slab caches by name, as `dentry`
    Cache,
    /// pcp lists refilled and drained, fallbacks to other migratetypes
    Frag,
    /// direct reclaim, compaction, kswapd, the OOM killer
    Reclaim,
    /// everything
    All,
}

impl Events {
    /// Returns the families of events for this value.
    fn families(self) -> &'static [Family] {
        match self {
            Self::Page => &[Family::Page],
            Self::Slab => &[Family::Slab],
            Self::Cache => &[Family::Cache],
            Self::Frag => &[Family::Frag],
            Self::Reclaim => &[Family::Reclaim],
            Self::All => &Family::EVENTS,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Stacks {
    /// no stacks
    None,
    /// of one page event in 100, by chance
    Sampled,
    /// of every page event
    All,
}

/// A value of `--trigger`.
#[derive(Debug, Clone, Copy)]
enum Trigger {
    Failure(u8),
    Oom,
    Compaction(Duration),
}

#[derive(Clone, Copy, ValueEnum)]
enum Attach {
    /// raw tracepoints: the cheapest
    Raw,
    /// ftrace's records, by the layout that tracefs shows: for kernels whose tracepoints have other arguments
    Tracepoint,
}

/// Records, and prints a summary.
///
/// # Errors
/// The error that keeps the recording from starting.
pub fn run(arguments: RecordArgs) -> anyhow::Result<ExitCode> {
    let mut families: Vec<_> = arguments.events.iter().flat_map(|events| events.families()).copied().collect();
    let flight = arguments.flight_recorder.map(|keep| {
        let mut triggers = Triggers::default();
        for trigger in arguments.trigger {
            match trigger {
                Trigger::Failure(order) => triggers.failure = Some(order),
                Trigger::Oom => triggers.oom = true,
                Trigger::Compaction(limit) => triggers.compaction = Some(limit),
            }
        }
        // The families of the triggers' events are recorded even if they were not asked for.
        families.extend(triggers.failure.map(|_| Family::Page));
        families.extend((triggers.oom || triggers.compaction.is_some()).then_some(Family::Reclaim));
        FlightOptions {
            keep,
            memory: arguments.flight_memory as usize,
            triggers,
            traces: arguments.flight_traces.max(1),
        }
    });
    families.sort_unstable();
    families.dedup();
    // A ring cannot be smaller than a page, and the size of a ring has to fit into a u32.
    let ring_size = arguments.ring_size.clamp(4096, 1 << 30).next_power_of_two() as u32;
    let options = Options {
        families,
        flight,
        frames: !arguments.no_frames,
        stack_sample: match arguments.stacks {
            Stacks::None => 0,
            Stacks::Sampled => 100,
            Stacks::All => 1,
        },
        output: arguments.output,
        duration: arguments.duration,
        filter: Filter { sample: arguments.sample.unwrap_or(1), ..arguments.filter.filter() },
        source: match arguments.attach {
            Attach::Raw => Source::Raw,
            Attach::Tracepoint => Source::Tracepoint,
        },
        ring_size,
        snapshot_interval: arguments.snapshot_interval.max(Duration::from_millis(10)),
        rotate: arguments.rotate,
        raw_addresses: arguments.raw_addresses,
        command: arguments.command,
    };
    let mut requests = Requests { stop: stop_on_signals()?, ..Requests::default() };
    if options.flight.is_some() {
        requests.write = set_on_usr1()?;
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}").expect("a constant template"));
    let mut show = |Progress { events, bytes, .. }| {
        bar.set_message(format!(
            "{} events, {} written; Ctrl-C ends the recording",
            number::count(events),
            number::bytes(bytes)
        ));
        bar.tick();
    };
    let summary = record::record(&options, &requests, &mut show)?;
    bar.finish_and_clear();
    report(&options, &summary);
    Ok(if summary.failure.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints the summary of the recording to standard error.
fn report(options: &Options, summary: &Summary) {
    let Summary { written, seen, dropped, filtered, missed, .. } = summary;
    let (output, seconds, bytes, stopped) =
        (options.output.display(), summary.elapsed.as_secs_f64(), number::bytes(summary.bytes), &summary.stopped);
    if options.flight.is_some() {
        let traces = number::count(summary.traces.into());
        eprintln!("{output}: {traces} traces in {seconds:.1} s, {bytes} (ended by {stopped})");
    } else {
        eprintln!("{output}: {} events in {seconds:.1} s, {bytes} (ended by {stopped})", number::count(*written));
    }
    let balance = if *seen == written + dropped + filtered {
        "every event is accounted for"
    } else {
        "THE ACCOUNT DOES NOT BALANCE, please report this"
    };
    eprintln!(
        "seen {} = written {} + dropped {} + filtered {}; missed by the kernel {}: {balance}",
        number::count(*seen),
        number::count(*written),
        number::count(*dropped),
        number::count(*filtered),
        number::count(*missed),
    );
    if *dropped > 0 && summary.failure.is_none() {
        eprintln!(
            "Events were dropped: the rings were full. Try --ring-size {}K, or fewer --events.",
            u64::from(options.ring_size) / 256
        );
    }
    if let Some(failure) = &summary.failure {
        eprintln!("collector: {failure}. The recording stopped there; what was written before is a whole trace.");
    }
}

/// Parses a value of `--trigger`, such as `failure=3`.
fn trigger(text: &str) -> Result<Trigger, String> {
    let parsed = match text.split_once('=').unwrap_or((text, "")) {
        ("failure", order) => order.parse().ok().map(Trigger::Failure),
        ("oom", "") => Some(Trigger::Oom),
        ("compaction", ms) => {
            ms.trim_end_matches("ms").parse().ok().map(|ms| Trigger::Compaction(Duration::from_millis(ms)))
        }
        _ => None,
    };
    parsed.ok_or_else(|| "a trigger, as in failure=3, oom, or compaction=100".to_owned())
}
