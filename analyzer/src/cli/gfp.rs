use analyzer::gfp;
use anyhow::anyhow;
use trace::GfpTable;

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

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (kernel, table) = arguments.kernel.table()?;
    let mask = table
        .encode(&arguments.mask)
        .map_err(|part| anyhow!("`{part}` is neither a number nor a GFP flag of Linux {kernel}"))?;
    let explained = gfp::explain(&table, mask);
    let forbidden = arguments.context.map(|context| forbidden(context, &table, mask));
    let bits = gfp::table(&explained);
    if arguments.json {
        return output::json(&serde_json::json!({
            "mask": mask,
            "names": explained.names,
            "kernel": kernel,
            "bits": bits.to_json(),
            "consequences": explained.consequences,
            "complaints": explained.complaints,
            "allowed": forbidden.as_ref().map(Option::is_none),
        }));
    }
    output::table(&bits, 0)?;
    let mut lines = vec![format!("decoded with the flag table of Linux {kernel}")];
    lines.extend(explained.consequences.iter().map(|consequence| format!("  · {consequence}")));
    lines.extend(explained.complaints.iter().map(|complaint| format!("  ✗ {complaint}")));
    lines.extend(forbidden.map(|reason| match reason {
        None => "  ✓ allowed in this context".to_owned(),
        Some(reason) => format!("  ✗ not allowed in this context: {reason}"),
    }));
    output::write(&(lines.join("\n") + "\n"))
}

/// Returns why the mask must not be used in a context; `None` if it may.
fn forbidden(context: Context, table: &GfpTable, mask: u32) -> Option<&'static str> {
    let has = |name: &str| table.mask(name).is_some_and(|bits| mask & bits == bits);
    match context {
        Context::Process => None,
        Context::Atomic => has("__GFP_DIRECT_RECLAIM").then_some("__GFP_DIRECT_RECLAIM may sleep"),
        Context::Block => (has("__GFP_DIRECT_RECLAIM") && has("__GFP_IO"))
            .then_some("__GFP_IO may start I/O that waits for this very layer; use GFP_NOIO"),
        Context::Fs => (has("__GFP_DIRECT_RECLAIM") && has("__GFP_FS"))
            .then_some("__GFP_FS may call back into a filesystem that holds its locks; use GFP_NOFS"),
    }
}
