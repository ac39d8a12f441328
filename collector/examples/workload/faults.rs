//! A known number of page faults.

use std::mem::MaybeUninit;
use std::time::Instant;

use anyhow::Context;

use crate::limits;
use crate::memory::{Mapping, check};

#[derive(clap::Args)]
pub struct Args {
    /// How many pages to touch
    #[arg(long)]
    pages: usize,
}

/// Touches the pages and gives them back; returns their number, the minor faults of touching them and of the whole
/// process so far, and how long both took.
pub fn run(args: &Args) -> anyhow::Result<String> {
    limits::check_pages(args.pages)?;
    let mut mapping = Mapping::of_base_pages(args.pages).context("the pages cannot be mapped")?;
    let before = minor_faults()?;
    let started = Instant::now();
    mapping.touch();
    let after = minor_faults()?;
    drop(mapping);
    let ns = started.elapsed().as_nanos();
    Ok(format!(
        r#"{{"pid":{},"pages":{},"minflt":{},"minflt_total":{after},"ns":{ns}}}"#,
        std::process::id(),
        args.pages,
        after - before
    ))
}

fn minor_faults() -> anyhow::Result<i64> {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` is a valid place for the answer, and read only after the call has succeeded in filling it.
    let usage = unsafe {
        check(libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()))
            .context("the kernel did not tell the count of minor faults")?;
        usage.assume_init()
    };
    Ok(usage.ru_minflt)
}
