use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use analyzer::{
    Events,
    export::{self, Folded, Lines},
    units,
};
use anyhow::Context as _;

use super::{arguments::TraceArgument, output};

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("format").required(true))]
#[expect(clippy::struct_excessive_bools, reason = "flags: each is a format")]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceArgument,
    /// Every table as Parquet, partitioned by host and day, into this directory
    #[arg(long, value_name = "DIR", group = "format")]
    parquet: Option<PathBuf>,
    /// The events as CSV, with the words for their numbers
    #[arg(long, group = "format")]
    csv: bool,
    /// The events as JSON, one a line
    #[arg(long, group = "format")]
    jsonl: bool,
    /// Allocations by stack, one a line, for flame graph tools
    #[arg(long, value_enum, value_name = "WHAT", group = "format", num_args = 0..=1, default_missing_value = "bytes")]
    folded: Option<What>,
    /// A timeline for Perfetto, or for Chrome's own viewer
    #[arg(long, group = "format")]
    perfetto: bool,
    /// Kernel objects instead of pages (--csv, --jsonl, --folded)
    #[arg(long)]
    slab: bool,
    /// File to write; - is stdout
    #[arg(short, long, value_name = "FILE", default_value = "-", conflicts_with = "parquet")]
    output: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// bytes allocated
    Bytes,
    /// allocations
    Allocations,
    /// bytes that are live at the end
    Live,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let events = if arguments.slab { Events::Slab } else { Events::Page };
    if let Some(dir) = &arguments.parquet {
        let (files, problems) = export::parquet(&trace, dir)?;
        for (path, size) in &files {
            output::write(&format!("{}  {}\n", path.display(), units::bytes(size.cast_signed())))?;
        }
        tell(&problems);
        return Ok(());
    }
    let mut out: Box<dyn Write> = if arguments.output.as_os_str() == "-" {
        Box::new(BufWriter::new(io::stdout().lock()))
    } else {
        let file =
            File::create(&arguments.output).with_context(|| format!("cannot write {}", arguments.output.display()))?;
        Box::new(BufWriter::new(file))
    };
    let bar = output::Bar::new("reading");
    let progress = |done, of| bar.update(done, of);
    let problems = if let Some(what) = arguments.folded {
        let what = match what {
            What::Bytes => Folded::Bytes,
            What::Allocations => Folded::Allocations,
            What::Live => Folded::Live,
        };
        let (lines, loss) = export::folded(&trace, events, what, &progress)?;
        if lines.is_empty() {
            eprintln!("analyzer: the trace has no stacks: record it with --stacks");
        }
        lines.iter().try_for_each(|(stack, number)| writeln!(out, "{stack} {number}"))?;
        loss.problems
    } else if arguments.perfetto {
        export::timeline(&trace, &progress, &mut out)?
    } else {
        export::lines(&trace, events, if arguments.csv { Lines::Csv } else { Lines::Json }, &mut out)?
    };
    out.flush()?;
    drop(bar);
    tell(&problems);
    Ok(())
}

fn tell(problems: &[trace::Problem]) {
    if !problems.is_empty() {
        eprintln!(
            "analyzer: the trace has {} problem(s), see `analyzer info`: what was written is not all",
            units::len(problems.len())
        );
    }
}
