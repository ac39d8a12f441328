//! Steady growth with no frees: what leak detection must find.

use std::fs::File;
use std::os::fd::FromRawFd;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::limits;
use crate::memory::{Mapping, check};

#[derive(clap::Args)]
pub struct Args {
    /// Items per second; an item is one page of memory and one `eventfd`
    #[arg(long)]
    rate: u32,
    /// For how long, in seconds
    #[arg(long)]
    seconds: u32,
}

/// How often the growth is brought up to date.
const TICK: Duration = Duration::from_millis(10);

/// Allocates until the time is over; the process's end is what frees it all.
pub fn run(args: &Args) -> anyhow::Result<String> {
    let total = args.rate as usize * args.seconds as usize;
    limits::check_pages(total)?;
    limits::allow_files(total)?;
    let start = Instant::now();
    let mut leaked: Vec<(Mapping, File)> = Vec::with_capacity(total);
    while leaked.len() < total {
        let due = ((start.elapsed().as_secs_f64() * f64::from(args.rate)) as usize).min(total);
        while leaked.len() < due {
            let mut page = Mapping::of_base_pages(1).context("a page cannot be mapped")?;
            page.touch();
            leaked.push((page, eventfd()?));
        }
        std::thread::sleep(TICK);
    }
    Ok(format!(r#"{{"pid":{},"pages":{total},"eventfds":{total}}}"#, std::process::id()))
}

fn eventfd() -> anyhow::Result<File> {
    // SAFETY: no preconditions.
    let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }).context("an eventfd could not be opened")?;
    // SAFETY: the descriptor is new, and this is its only owner.
    Ok(unsafe { File::from_raw_fd(fd) })
}
