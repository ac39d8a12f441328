use std::{
    env,
    fs::File,
    io::{self, BufRead, BufReader},
    path::PathBuf,
};

use analyzer::import::{self, Origin};
use anyhow::Context as _;

use super::{kernel::KernelArgument, output};

#[derive(clap::Args)]
pub struct Arguments {
    /// Text to import; - is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Trace directory to write
    #[arg(short, long, value_name = "TRACE")]
    output: PathBuf,
    /// What wrote the text. Lines of both are told apart by themselves, so this need not be given
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// Bytes per page of the traced machine
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    page_size: u64,
    #[command(flatten)]
    kernel: KernelArgument,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// either
    Auto,
    /// tracefs' trace or `trace_pipe`, or `trace-cmd report`
    Ftrace,
    /// `perf script`
    PerfScript,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { file, output, page_size, .. } = arguments;
    let (kernel, gfp) = arguments.kernel.table()?;
    let text: Box<dyn BufRead> = match file.to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(BufReader::new(File::open(file).with_context(|| format!("cannot open {}", file.display()))?)),
    };
    let origin = Origin { kernel, gfp, page_size: *page_size, command: env::args().collect() };
    let imported = import::import(text, &file.display().to_string(), output, &origin)?;
    if imported.lost > 0 {
        eprintln!("analyzer: the tool that wrote the text lost {} events; every result will say so", imported.lost);
    }
    output::write(&format!("{}: {} events ({} lines were about other things)\n", output.display(), imported.events, imported.other_lines))
}
