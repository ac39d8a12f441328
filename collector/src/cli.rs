//! The command line: arguments in, sentences out.

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
    probe,
    record::{self, Options, Progress, Summary},
};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use signal_hook::{consts::TERM_SIGNALS, flag};

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
        after_help = "Examples:\n  sudo collector record -o trace --duration 10\n  sudo collector record -o trace --events page -- make -j8\n  sudo collector record -o trace --order 4 --comm qemu-system-x86 --duration 60\n\nThen: analyzer report trace"
    )]
    Record(Box<Record>),
    /// Says what this host can capture, and why not
    Probe {
        /// machine-readable answer
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
struct Record {
    /// Trace directory to make; it must not exist, or be empty
    #[arg(short, long, value_name = "DIR", default_value = "trace")]
    output: PathBuf,
    /// Stop after so many seconds
    #[arg(long, value_name = "S", value_parser = seconds)]
    duration: Option<Duration>,
    /// Events to record
    #[arg(long, value_delimiter = ',', default_value = "page,slab")]
    events: Vec<Events>,
    /// Only what this process does. What others free for it (kernel threads, RCU) is left out too
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Only what threads of this name do (the first 15 bytes count, as in ps)
    #[arg(long, value_name = "NAME")]
    comm: Option<String>,
    /// Only pages of this order or above
    #[arg(long, value_name = "N")]
    order: Option<u32>,
    /// Only allocations with all these GFP flags, as in `GFP_KERNEL|__GFP_ZERO` or `0xcc0`; every free is recorded
    #[arg(long, value_name = "FLAGS")]
    gfp: Option<String>,
    /// Only kmalloc of at least so many bytes; every kfree is recorded
    #[arg(long, value_name = "SZ", value_parser = size)]
    min_bytes: Option<u64>,
    /// Size of each CPU's ring, rounded up to a power of two: what can wait while the disk is slow
    #[arg(long, value_name = "SZ", default_value = "8M", value_parser = size)]
    ring_size: u64,
    /// Start a new segment when one has this size
    #[arg(long, value_name = "SZ", default_value = "64M", value_parser = size)]
    rotate: u64,
    /// Seconds between two snapshots of /proc/buddyinfo, pagetypeinfo, zoneinfo and vmstat
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    snapshot_interval: Duration,
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
    /// everything
    All,
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
        Commands::Probe { json } => run_probe(json),
    }
}

fn run_record(arguments: Record) -> anyhow::Result<ExitCode> {
    let wanted = |events| arguments.events.contains(&events) || arguments.events.contains(&Events::All);
    // A ring is limited to what a u32 can say, and smaller than a page it cannot be.
    let ring_size = arguments.ring_size.clamp(4096, 1 << 30).next_power_of_two() as u32;
    let options = Options {
        pages: wanted(Events::Page),
        slab: wanted(Events::Slab),
        output: arguments.output,
        duration: arguments.duration,
        filter: Filter {
            only_tgid: arguments.pid.unwrap_or(0),
            comm: arguments.comm.unwrap_or_default(),
            min_order: arguments.order.unwrap_or(0),
            min_bytes: arguments.min_bytes.unwrap_or(0).min(u64::from(u32::MAX)) as u32,
            ..Filter::default()
        },
        gfp: arguments.gfp,
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
    let stop = Arc::new(AtomicBool::new(false));
    for signal in TERM_SIGNALS.iter().chain(&[signal_hook::consts::SIGHUP]) {
        flag::register(*signal, Arc::clone(&stop)).context("cannot handle signals")?;
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}").expect("a constant template"));
    let mut show = |Progress { written, bytes, .. }| {
        bar.set_message(format!("{} events, {} written; Ctrl-C ends the recording", HumanCount(written), HumanBytes(bytes)));
        bar.tick();
    };
    let summary = record::record(&options, &stop, &mut show)?;
    bar.finish_and_clear();
    report(&options, &summary);
    Ok(if summary.failure.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn report(options: &Options, summary: &Summary) {
    let Summary { written, seen, dropped, filtered, missed, .. } = summary;
    eprintln!(
        "{}: {} events in {:.1} s, {} (ended by {})",
        options.output.display(),
        HumanCount(*written),
        summary.elapsed.as_secs_f64(),
        HumanBytes(summary.bytes),
        summary.stopped,
    );
    let balance =
        if *seen == written + dropped + filtered { "every event is accounted for" } else { "THE ACCOUNT DOES NOT BALANCE, please report this" };
    eprintln!(
        "seen {} = written {} + dropped {} + filtered {}; missed by the kernel {}: {balance}",
        HumanCount(*seen),
        HumanCount(*written),
        HumanCount(*dropped),
        HumanCount(*filtered),
        HumanCount(*missed),
    );
    if *dropped > 0 && summary.failure.is_none() {
        eprintln!("Events were dropped: the rings were full. Try --ring-size {}K, or fewer --events.", u64::from(options.ring_size) / 256);
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
        writeln!(out, "Linux {}: {}", report.kernel, if report.can_record { "can record" } else { "cannot record" }).and_then(|()| {
            report.checks.iter().try_for_each(|check| writeln!(out, "  {} {}: {}", if check.ok { "yes" } else { "no " }, check.name, check.detail))
        })
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error).context("cannot print"),
        _ => {}
    }
    Ok(if report.can_record { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.trim_end_matches('s').parse().ok().filter(|seconds| *seconds > 0.0);
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| "seconds, as in 10 or 0.5".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    let units = [('k', 10), ('m', 20), ('g', 30)];
    let lower = text.trim_end_matches(['b', 'B']).to_lowercase();
    let (digits, shift) = units.iter().find_map(|(unit, shift)| Some((lower.strip_suffix(*unit)?, *shift))).unwrap_or((&lower, 0));
    let number: Option<u64> = digits.parse().ok();
    number.and_then(|number| number.checked_mul(1 << shift)).filter(|size| *size > 0).ok_or_else(|| "a size, as in 64K, 8M or 1G".to_owned())
}
