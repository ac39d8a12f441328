use std::{
    env,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
};

use analyzer::{
    import::{self, Kallsyms, Origin},
    units,
};
use anyhow::{Context as _, bail};

use super::{kernel::KernelArgument, output};

#[derive(clap::Args)]
pub struct Arguments {
    /// Text to import, or a perf.data; - is stdin, for text
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Trace directory to write
    #[arg(short, long, value_name = "TRACE")]
    output: PathBuf,
    /// What wrote the text. Lines of both are told apart by themselves, so this need not be given
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// Bytes per page of the traced machine; a perf.data says it itself
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = page_size)]
    page_size: u64,
    /// Names of the addresses in a perf.data; default: /proc/kallsyms, if the running kernel is the one that was
    /// recorded
    #[arg(long, value_name = "FILE")]
    kallsyms: Option<PathBuf>,
    #[command(flatten)]
    kernel: KernelArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// either
    Auto,
    /// tracefs' trace or `trace_pipe`, or `trace-cmd report`
    Ftrace,
    /// `perf script`
    PerfScript,
    /// `perf record`
    PerfData,
}

fn page_size(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|bytes: &u64| bytes.is_power_of_two())
        .ok_or_else(|| "a page has a power of two of bytes".to_owned())
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { file, output, .. } = arguments;
    let name = file.display().to_string();
    let is_stdin = file.as_os_str() == "-";
    let open = || File::open(file).with_context(|| format!("cannot open {name}"));
    let is_perf_data = match arguments.format {
        Format::Auto if is_stdin => false,
        Format::Auto => {
            let mut magic = Vec::new();
            open()?.take(8).read_to_end(&mut magic)?;
            magic == *b"PERFILE2"
        }
        format => format == Format::PerfData,
    };
    let imported = if is_perf_data {
        if is_stdin {
            bail!("a perf.data is not read in one go: give its name");
        }
        let symbols = symbols(arguments.kallsyms.as_deref())?;
        let command: Vec<_> = env::args().collect();
        import::import_perf_data(BufReader::with_capacity(1 << 20, open()?), &name, output, &symbols, &command)?
    } else {
        let (kernel, gfp) = arguments.kernel.table()?;
        let text: Box<dyn BufRead> =
            if is_stdin { Box::new(io::stdin().lock()) } else { Box::new(BufReader::with_capacity(1 << 20, open()?)) };
        let origin = Origin { kernel, gfp, page_size: arguments.page_size, command: env::args().collect() };
        import::import_text(text, &name, output, &origin)?
    };
    let count = |number: u64| units::count(number.cast_signed());
    if imported.lost > 0 {
        eprintln!("analyzer: what wrote {name} lost {} events; every result will say so", count(imported.lost));
    }
    if !imported.unknown_flags.is_empty() {
        eprintln!(
            "analyzer: the chosen kernel does not have {}: --kernel and --like choose another",
            imported.unknown_flags.join(", ")
        );
    }
    let (events, other) = (count(imported.events), count(imported.other));
    output::write(&format!(
        "{}: {events} events ({other} {} were about other things)\n",
        output.display(),
        if is_perf_data { "records" } else { "lines" }
    ))
}

/// Reads the symbols of a file, or those of the running kernel without one.
fn symbols(file: Option<&Path>) -> anyhow::Result<Kallsyms> {
    let path = file.unwrap_or(Path::new("/proc/kallsyms"));
    let text = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let symbols = Kallsyms::read(BufReader::new(text));
    if symbols.is_empty() {
        eprintln!(
            "analyzer: {} hides the kernel's addresses (that needs root), so call sites stay numbers",
            path.display()
        );
    }
    Ok(symbols)
}
