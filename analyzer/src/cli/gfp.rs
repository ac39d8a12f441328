use std::{fs, path::PathBuf};

use analyzer::gfp;
use anyhow::{Context as _, anyhow, bail};
use trace::{GfpTable, TracepointFormat};

use super::output;

#[derive(clap::Args)]
pub struct Arguments {
    /// A mask as hex or decimal number, or names joined with `|`
    #[arg(value_name = "MASK|NAMES")]
    mask: String,
    /// Decode with the flag table of this trace
    #[arg(long, value_name = "TRACE", conflicts_with = "kernel")]
    trace: Option<PathBuf>,
    /// Decode with the flag table of a kernel that is known here; default: the running kernel
    #[arg(long, value_name = "PROFILE", value_parser = clap::builder::PossibleValuesParser::new(PROFILES.map(|(name, _)| name)))]
    kernel: Option<String>,
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

/// The formats of real kernels, from the fixtures of the crate `trace`. The last is the newest.
const PROFILES: [(&str, &str); 4] = [
    ("6.1", include_str!("../../../trace/fixtures/kernel/6.1/events/kmem/mm_page_alloc/format")),
    ("6.1-i386", include_str!("../../../trace/fixtures/kernel/6.1-i386/events/kmem/mm_page_alloc/format")),
    ("6.12", include_str!("../../../trace/fixtures/kernel/6.12/events/kmem/mm_page_alloc/format")),
    ("6.18", include_str!("../../../trace/fixtures/kernel/6.18/events/kmem/mm_page_alloc/format")),
];

/// Where tracefs may be mounted.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (kernel, table) = table(arguments)?;
    let mask = table.encode(&arguments.mask).map_err(|part| anyhow!("`{part}` is neither a number nor a GFP flag of {kernel}"))?;
    let explained = gfp::explain(&table, mask);
    let forbidden = arguments.context.map(|context| forbidden(context, &table, mask));
    let bits = explained.table();
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
    let mut text = format!("decoded with the flag table of {kernel}\n");
    for consequence in &explained.consequences {
        text += &format!("  · {consequence}\n");
    }
    for complaint in &explained.complaints {
        text += &format!("  ✗ {complaint}\n");
    }
    match forbidden {
        Some(None) => text += "  ✓ allowed in this context\n",
        Some(Some(reason)) => text += &format!("  ✗ not allowed in this context: {reason}\n"),
        None => {}
    }
    output::write(&text)
}

/// Why the mask must not be used there.
fn forbidden(context: Context, table: &GfpTable, mask: u32) -> Option<&'static str> {
    let has = |name: &str| table.mask(name).is_some_and(|bits| mask & bits == bits);
    match context {
        Context::Process => None,
        Context::Atomic => has("__GFP_DIRECT_RECLAIM").then_some("__GFP_DIRECT_RECLAIM may sleep"),
        Context::Block => {
            (has("__GFP_DIRECT_RECLAIM") && has("__GFP_IO")).then_some("__GFP_IO may start I/O that waits for this very layer; use GFP_NOIO")
        }
        Context::Fs => {
            (has("__GFP_DIRECT_RECLAIM") && has("__GFP_FS")).then_some("__GFP_FS may call back into a filesystem that holds its locks; use GFP_NOFS")
        }
    }
}

/// The table to decode with, and whose it is.
fn table(arguments: &Arguments) -> anyhow::Result<(String, GfpTable)> {
    if let Some(dir) = &arguments.trace {
        let header = trace::Trace::open(dir)?.header;
        return Ok((format!("Linux {} (from the trace)", header.kernel), header.gfp));
    }
    let parse = |text: &str| -> anyhow::Result<GfpTable> { Ok(GfpTable::from_format(&TracepointFormat::parse(text)?)?) };
    if let Some(name) = &arguments.kernel {
        let Some((_, text)) = PROFILES.iter().find(|(known, _)| known == name) else { bail!("there is no profile `{name}`") };
        return Ok((format!("Linux {name}"), parse(text)?));
    }
    let running = TRACEFS.iter().find_map(|mount| fs::read_to_string(format!("{mount}/events/kmem/mm_page_alloc/format")).ok());
    if let Some(text) = running {
        return Ok(("the running kernel".to_owned(), parse(&text)?));
    }
    let (name, text) = PROFILES[PROFILES.len() - 1];
    let table = parse(text).context("the newest profile")?;
    Ok((format!("Linux {name}, since tracefs cannot be read here (it needs root); --kernel and --trace choose another"), table))
}
