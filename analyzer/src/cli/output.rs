//! stdout, and progress on stderr.

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

/// Writes a text to stdout.
pub fn write(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Writes a value as JSON, indented.
pub fn json(value: &serde_json::Value) -> anyhow::Result<()> {
    write(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Writes a table; `limit` 0 means every row.
pub fn table(table: &Table, limit: usize) -> anyhow::Result<()> {
    write(&terminal::render(table, terminal(), if limit == 0 { usize::MAX } else { limit }))
}

/// Returns what stdout can show.
pub fn terminal() -> Terminal {
    let fit = io::stdout().is_terminal();
    Terminal { fit, colour: fit && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
}

/// A progress bar over rows; only on a terminal, and only if it takes a while.
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
    /// Returns whether the table is read by people, not by a program.
    pub fn is_for_people(&self) -> bool {
        !self.json && !self.csv
    }

    /// Returns whether JSON is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Returns how many rows are shown to people; `None` = all.
    pub fn limit(&self) -> Option<usize> {
        (self.limit > 0).then_some(self.limit)
    }

    /// Writes a table. What must be known about it goes to stderr where the format has no place for it.
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
