//! The bounds that keep a workload friendly to the machine it runs on.

use anyhow::{Context, bail};

use crate::memory::{check, page_size};

/// No mode holds more memory than this.
pub const MEMORY: usize = 512 << 20;

/// Refuses a request for more pages than [`MEMORY`] holds.
pub fn check_pages(pages: usize) -> anyhow::Result<()> {
    let most = MEMORY / page_size();
    if pages > most {
        bail!(
            "{pages} pages are more than the {} MiB this program allows itself; ask for at most {most}",
            MEMORY >> 20
        );
    }
    Ok(())
}

/// Makes room for `count` file descriptors beside the few that are open anyway.
pub fn allow_files(count: usize) -> anyhow::Result<()> {
    let wanted = count as libc::rlim_t + 64;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })
        .context("the limit of open files cannot be read")?;
    if limit.rlim_cur >= wanted {
        return Ok(());
    }
    limit.rlim_cur = wanted;
    limit.rlim_max = limit.rlim_max.max(wanted);
    // SAFETY: `limit` is initialised.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }).with_context(|| {
        format!("{count} open files are more than this user may have; run as root or raise 'ulimit -n'")
    })?;
    Ok(())
}
