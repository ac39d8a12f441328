use analyzer::gfp::table;
use anyhow::anyhow;

use super::{kernel::KernelArgument, output};

#[derive(clap::Args)]
pub struct Arguments {
    /// A mask as hex or decimal number, or names joined with `|`
    #[arg(value_name = "MASK|NAMES")]
    mask: String,
    #[command(flatten)]
    kernel: KernelArgument,
    /// Where the allocation is made: says whether the mask is allowed there
    #[arg(long, value_enum)]
    context: Option<Context>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Context {
    /// may sleep and hold no locks that reclaim takes
    Process,
    /// interrupt, softirq, or under a spinlock
    Atomic,
    /// below a filesystem: I/O must not start
    Block,
    /// inside a filesystem: filesystems must not be called
    Fs,
}

impl From<Context> for gfp::Context {
    fn from(context: Context) -> Self {
        match context {
            Context::Process => Self::Process,
            Context::Atomic => Self::Atomic,
            Context::Block => Self::Block,
            Context::Fs => Self::FileSystem,
        }
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (kernel, names) = arguments.kernel.table()?;
    let mask = names
        .encode(&arguments.mask)
        .map_err(|part| anyhow!("`{part}` is neither a number nor a GFP flag of Linux {kernel}"))?;
    let explanation = names.explain(mask);
    let verdict = arguments.context.map(|context| explanation.verdict(context.into()));
    let bits = table(&explanation);
    if arguments.json {
        return output::json(&serde_json::json!({
            "mask": mask,
            "names": explanation.names,
            "kernel": kernel,
            "bits": bits.to_json(),
            "consequences": explanation.consequences,
            "complaints": explanation.complaints,
            "allowed": verdict.map(|verdict| verdict.reason().is_none()),
        }));
    }
    output::table(&bits, 0)?;
    let mut lines = vec![format!("decoded with the flag table of Linux {kernel}")];
    lines.extend(explanation.consequences.iter().map(|consequence| format!("  · {consequence}")));
    lines.extend(explanation.complaints.iter().map(|complaint| format!("  ✗ {complaint}")));
    lines.extend(verdict.map(|verdict| match verdict.reason() {
        None => "  ✓ allowed in this context".to_owned(),
        Some(reason) => format!("  ✗ not allowed in this context: {reason}"),
    }));
    output::write(&(lines.join("\n") + "\n"))
}
