//! The choice of a GFP table: that of the running kernel, of a trace, or of a kernel whose format is built in.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};
use trace::{GfpTable, TracepointFormat};

/// Chooses a kernel.
#[derive(clap::Args)]
pub struct KernelArgument {
    /// Use the GFP flags of a kernel that is known here; default: the running kernel's
    #[arg(long, value_name = "PROFILE", value_parser = clap::builder::PossibleValuesParser::new(PROFILES.map(|(name, _)| name)))]
    kernel: Option<String>,
    /// Use the GFP flags of the kernel that this trace was recorded on
    #[arg(long, value_name = "TRACE", conflicts_with = "kernel")]
    like: Option<PathBuf>,
}

/// The names and formats of real kernels, from the fixtures of the crate `trace`. The last kernel is the newest.
const PROFILES: [(&str, &str); 4] = [
    ("6.1", include_str!("../../../trace/fixtures/kernel/6.1/events/kmem/mm_page_alloc/format")),
    ("6.1-i386", include_str!("../../../trace/fixtures/kernel/6.1-i386/events/kmem/mm_page_alloc/format")),
    ("6.12", include_str!("../../../trace/fixtures/kernel/6.12/events/kmem/mm_page_alloc/format")),
    ("6.18", include_str!("../../../trace/fixtures/kernel/6.18/events/kmem/mm_page_alloc/format")),
];

/// The directories where tracefs may be mounted.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

impl KernelArgument {
    /// Returns the name of the chosen kernel, and its GFP table.
    pub fn table(&self) -> anyhow::Result<(String, GfpTable)> {
        let parse = |text: &str| -> anyhow::Result<GfpTable> { Ok(TracepointFormat::parse(text)?.gfp_table()?) };
        if let Some(dir) = &self.like {
            let header = trace::Trace::open(dir)?.header;
            return Ok((header.kernel, header.gfp));
        }
        if let Some(name) = &self.kernel {
            let Some((_, text)) = PROFILES.iter().find(|(known, _)| known == name) else {
                bail!("there is no profile `{name}`")
            };
            return Ok((name.clone(), parse(text)?));
        }
        let running = TRACEFS
            .iter()
            .find_map(|mount| fs::read_to_string(format!("{mount}/events/kmem/mm_page_alloc/format")).ok());
        if let Some(text) = running {
            let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
            return Ok((release.trim().to_owned(), parse(&text)?));
        }
        let (name, text) = PROFILES[PROFILES.len() - 1];
        eprintln!(
            "analyzer: tracefs cannot be read here (it needs root), so the flags are those of Linux {name}; --kernel and --like choose others"
        );
        Ok((name.to_owned(), parse(text).context("the newest profile")?))
    }
}
