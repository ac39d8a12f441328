//! The output on standard output, and the progress on standard error.

use std::io::{self, IsTerminal, Write};

/// Writes to standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Returns a progress bar on standard error, or a hidden one if that is no terminal.
pub(super) fn progress_bar(what: &'static str) -> indicatif::ProgressBar {
    if !io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let bar = indicatif::ProgressBar::new(0);
    if let Ok(style) = indicatif::ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} % {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
