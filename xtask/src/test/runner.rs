//! Running a step: its output is shown and kept, its time is measured, and its outcome is judged.

use std::{
    fs::File,
    io::{self, Read as _, Write},
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::{
    counts,
    outcome::Outcome,
    steps::{Step, TRACE},
};
use crate::workspace;

/// The settings that the steps of one run share.
pub struct Run {
    /// The folder of the log files.
    pub logs: PathBuf,
    /// Whether this is a CI machine, where everything must run.
    pub ci: bool,
}

/// The result of a step that has ended.
pub struct Record {
    pub name: &'static str,
    pub time: Duration,
    pub outcome: Outcome,
}

impl Run {
    /// Runs a step and returns the text that [`Self::step`] would have shown.
    pub fn in_silence(&self, step: &Step) -> anyhow::Result<(Record, Vec<u8>)> {
        let mut transcript = Vec::new();
        let record = self.step(step, &mut transcript)?;
        Ok((record, transcript))
    }

    /// Runs a step and shows a heading, the output as it comes, and the outcome. Errors if these cannot be written.
    pub fn step(&self, step: &Step, shown: &mut impl Write) -> anyhow::Result<Record> {
        let words = words(step);
        writeln!(shown, "\n==== {}: {}", step.name, words.join(" "))?;
        let path = self.logs.join(format!("{}.log", step.name));
        let mut log = File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let started = Instant::now();
        let mut output = Vec::new();
        let status = match execute(&words, |bytes| {
            output.extend_from_slice(bytes);
            log.write_all(bytes)?;
            shown.write_all(bytes)?;
            shown.flush()
        })? {
            Ok(status) => status.code(),
            Err(reason) => {
                writeln!(shown, "{reason}")?;
                None
            }
        };
        let outcome = Outcome::judge(status, counts::count(&String::from_utf8_lossy(&output)), self.ci);
        let record = Record { name: step.name, time: started.elapsed(), outcome };
        if let Some(reason) = record.outcome.reason {
            writeln!(shown, "{}: {reason}", step.name)?;
        }
        let verdict = record.outcome.verdict;
        writeln!(shown, "==== {}: {verdict} after {:.1} s", step.name, record.time.as_secs_f64())?;
        Ok(record)
    }
}

/// Returns the words of the step's command, with a trace in place of [`TRACE`]: that of the demo once it exists.
fn words(step: &Step) -> Vec<String> {
    let recorded = "target/demo/trace";
    let trace = if workspace::root().join(recorded).is_dir() { recorded } else { "trace/fixtures/demo" };
    step.command.split_whitespace().map(|word| word.replace(TRACE, trace)).collect()
}

/// Runs a program and passes its output and its errors on, in the order in which they were written. The inner result is
/// a sentence if the program cannot be started.
fn execute(
    words: &[String],
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> anyhow::Result<Result<ExitStatus, String>> {
    let (mut output, input) = io::pipe()?;
    let mut command = workspace::command(words);
    command.stdout(input.try_clone()?).stderr(input);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Err(format!("{}: {error}", workspace::cannot_start(&command)))),
    };
    // The command holds two ends of the pipe, and the output does not end while they are open.
    drop(command);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match output.read(&mut buffer)? {
            0 => break,
            length => write(&buffer[..length])?,
        }
    }
    Ok(Ok(child.wait()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_errors_come_in_order_with_the_status() {
        let words = ["sh", "-c", "echo one; echo two >&2; echo three; exit 3"].map(str::to_owned);
        let mut output = Vec::new();
        let status = execute(&words, |bytes| {
            output.extend_from_slice(bytes);
            Ok(())
        });
        assert_eq!(status.unwrap().unwrap().code(), Some(3));
        assert_eq!(output, b"one\ntwo\nthree\n");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let reason = execute(&["no-such-program".to_owned()], |_| Ok(())).unwrap().unwrap_err();
        assert!(reason.starts_with("cannot start no-such-program; `xtask/setup.sh test`"), "{reason}");
    }
}
