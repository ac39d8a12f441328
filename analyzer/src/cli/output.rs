//! This module writes results to stdout, and progress to stderr.

use std::{
    env,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use analyzer::{
    table::Table,
    terminal::{self, Terminal},
};
use indicatif::{ProgressBar, ProgressStyle};

/// Writes a text to stdout and flushes it.
pub fn write(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Writes a value as indented JSON.
pub fn json(value: &serde_json::Value) -> anyhow::Result<()> {
    write(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Writes at most `limit` rows of a table, where 0 stands for all rows.
pub fn table(table: &Table, limit: usize) -> anyhow::Result<()> {
    write(&terminal::render(table, terminal(), if limit == 0 { usize::MAX } else { limit }))
}

/// Returns the abilities of stdout: whether tables must fit its width, and whether it shows colours.
pub fn terminal() -> Terminal {
    let fit = io::stdout().is_terminal();
    Terminal { fit, colour: fit && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
}

/// A progress bar over rows, which is drawn only if stderr is a terminal.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    pub fn new(what: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0).with_message(what).with_style(
                ProgressStyle::with_template("{msg} {bar:30} {human_pos} of {human_len} rows ({per_sec}, {eta} left)")
                    .expect("a valid template"),
            );
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self(bar)
    }

    pub fn update(&self, done: u64, of: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(of);
            bar.set_position(done);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// The format in which a table is wanted.
#[derive(clap::Args)]
pub struct Shape {
    /// Show so many rows; 0 = all (JSON and CSV always have all)
    #[arg(long, value_name = "N", default_value_t = 40)]
    limit: usize,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV
    #[arg(long)]
    csv: bool,
}

impl Shape {
    /// Returns whether people read the table, not a program.
    pub fn is_for_people(&self) -> bool {
        !self.json && !self.csv
    }

    /// Returns whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Returns the number of rows that are shown to people, or `None` for all rows.
    pub fn limit(&self) -> Option<usize> {
        (self.limit > 0).then_some(self.limit)
    }

    /// Writes a table. Its warnings go to stderr if the format is JSON or CSV, which have no place for them.
    pub fn write(&self, shown: &Table) -> anyhow::Result<()> {
        if self.is_for_people() {
            return table(shown, self.limit);
        }
        for warning in shown.notes.iter().filter_map(|note| note.strip_prefix("! ")) {
            eprintln!("analyzer: {warning}");
        }
        if self.json { json(&shown.to_json()) } else { write(&shown.to_csv()) }
    }
}
