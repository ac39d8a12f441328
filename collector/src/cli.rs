//! The command line: arguments in, sentences out.

mod documents;
mod filter;
mod stat;
mod top;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use collector::{
    bpf::{Filter, Source},
    flight::{self, Triggers},
    probe,
    record::{self, Options, Progress, Requests, Summary},
};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use signal_hook::{
    consts::{SIGHUP, SIGUSR1, TERM_SIGNALS},
    flag,
};
use trace::Family;

use filter::FilterArgs;

/// Captures what the kernel's memory allocator does: pages and objects, with their GFP flags.
#[derive(Parser)]
#[command(name = "collector", version, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Commands,
}

#[derive(Subcommand)]
enum Commands {
    /// Records events and snapshots into a trace directory, until COMMAND ends, the duration is over, or Ctrl-C
    #[command(
        after_help = "Examples:\n  sudo collector record -o trace --duration 10\n  sudo collector record -o trace --events page --stacks sampled -- make -j8\n  sudo collector record -o trace --order 4 --comm qemu-system-x86 --duration 60\n  sudo collector record -o trace --sample 100 --cgroup system.slice/nginx.service\n  sudo collector record -o flights --events page,frag,reclaim --flight-recorder 30 --trigger failure=3,oom\n\nThen: analyzer report trace"
    )]
    Record(Box<Record>),
    /// Counts inside the kernel, with no trace at all, until COMMAND ends, the duration is over, or Ctrl-C
    #[command(after_help = stat::EXAMPLES)]
    Stat(Box<stat::StatArgs>),
    /// Shows live what is allocated, by zone, order, GFP mask, call site and process, and how broken up free memory is
    #[command(after_help = top::EXAMPLES)]
    Top(top::TopArgs),
    /// Says what this host can capture, and why not
    Probe {
        /// machine-readable answer
        #[arg(long)]
        json: bool,
    },
    /// Prints completions for a shell
    Completions(documents::CompletionsArgs),
    /// Writes manual pages into a directory
    Man(documents::ManArgs),
}

#[derive(clap::Args)]
struct Record {
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

/// Runs the program.
pub fn run() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Commands::Record(arguments) => run_record(*arguments),
        Commands::Stat(arguments) => stat::run(*arguments),
        Commands::Top(arguments) => top::run(arguments),
        Commands::Probe { json } => run_probe(json),
        Commands::Completions(arguments) => Ok(documents::completions(&arguments)),
        Commands::Man(arguments) => documents::man(&arguments),
    }
}

fn run_record(arguments: Record) -> anyhow::Result<ExitCode> {
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
        // What triggers must be seen.
        families.extend(triggers.failure.map(|_| Family::Page));
        families.extend((triggers.oom || triggers.compaction.is_some()).then_some(Family::Reclaim));
        flight::Options {
            keep,
            memory: arguments.flight_memory as usize,
            triggers,
            traces: arguments.flight_traces.max(1),
        }
    });
    families.sort_unstable();
    families.dedup();
    // A ring is limited to what a u32 can say, and smaller than a page it cannot be.
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
        gfp: arguments.filter.gfp,
        cgroup: arguments.filter.cgroup,
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
    let requests = Requests { stop: stop_on_signals()?, ..Requests::default() };
    if options.flight.is_some() {
        flag::register(SIGUSR1, Arc::clone(&requests.write)).context("cannot handle signals")?;
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}").expect("a constant template"));
    let mut show = |Progress { events, bytes, .. }| {
        bar.set_message(format!(
            "{} events, {} written; Ctrl-C ends the recording",
            HumanCount(events),
            HumanBytes(bytes)
        ));
        bar.tick();
    };
    let summary = record::record(&options, &requests, &mut show)?;
    bar.finish_and_clear();
    report(&options, &summary);
    Ok(if summary.failure.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn report(options: &Options, summary: &Summary) {
    let Summary { written, seen, dropped, filtered, missed, .. } = summary;
    let (output, seconds, bytes, stopped) =
        (options.output.display(), summary.elapsed.as_secs_f64(), HumanBytes(summary.bytes), &summary.stopped);
    if options.flight.is_some() {
        eprintln!("{output}: {} traces in {seconds:.1} s, {bytes} (ended by {stopped})", summary.traces);
    } else {
        eprintln!("{output}: {} events in {seconds:.1} s, {bytes} (ended by {stopped})", HumanCount(*written));
    }
    let balance = if *seen == written + dropped + filtered {
        "every event is accounted for"
    } else {
        "THE ACCOUNT DOES NOT BALANCE, please report this"
    };
    eprintln!(
        "seen {} = written {} + dropped {} + filtered {}; missed by the kernel {}: {balance}",
        HumanCount(*seen),
        HumanCount(*written),
        HumanCount(*dropped),
        HumanCount(*filtered),
        HumanCount(*missed),
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

fn run_probe(json: bool) -> anyhow::Result<ExitCode> {
    let report = probe::probe();
    let mut out = io::stdout().lock();
    let printed = if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)
    } else {
        writeln!(out, "Linux {}: {}", report.kernel, if report.can_record { "can record" } else { "cannot record" })
            .and_then(|()| {
                report.checks.iter().try_for_each(|check| {
                    writeln!(out, "  {} {}: {}", if check.ok { "yes" } else { "no " }, check.name, check.detail)
                })
            })
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error).context("cannot print"),
        _ => {}
    }
    Ok(if report.can_record { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What Ctrl-C and its like set.
fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in TERM_SIGNALS.iter().chain(&[SIGHUP]) {
        flag::register(*signal, Arc::clone(&stop)).context("cannot handle signals")?;
    }
    Ok(stop)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.trim_end_matches('s').parse().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "seconds, as in 10 or 0.5".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    let units = [('k', 10), ('m', 20), ('g', 30)];
    let lower = text.trim_end_matches(['b', 'B']).to_lowercase();
    let (digits, shift) =
        units.iter().find_map(|(unit, shift)| Some((lower.strip_suffix(*unit)?, *shift))).unwrap_or((&lower, 0));
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .filter(|size| *size > 0)
        .ok_or_else(|| "a size, as in 64K, 8M or 1G".to_owned())
}

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
