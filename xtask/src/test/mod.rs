//! `cargo xtask test`: the steps of the tests, in the order in which a mistake is cheapest to find. A failed step does
//! not stop the steps after it; the closing table names it.

mod counts;
mod outcome;
mod runner;
mod steps;
mod summary;

use std::{env, fs, process::ExitCode, thread};

use anyhow::Context as _;
use clap::{Args, builder::PossibleValuesParser};

use crate::workspace;
use outcome::Verdict;
use steps::{STEPS, Step};

/// Which steps to run.
#[derive(Args)]
#[command(after_help = "\
Each step's output is shown, and kept in target/test/STEP.log. A step that cannot run
here is skipped; where the environment has CI, that is a failure.

Examples:
  cargo xtask test                   every step
  cargo xtask test --fast            format, lints, circles, unit and command-line tests
  cargo xtask test clippy tests      these two
  CI=true cargo xtask test           as on a CI machine: what is skipped has failed")]
pub struct Arguments {
    /// The steps to run; all of them if none is named
    #[arg(value_name = "STEP", value_parser = PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    steps: Vec<String>,
    /// Only what takes a few minutes once everything is built, and needs no root
    #[arg(long, conflicts_with = "steps")]
    fast: bool,
}

/// Runs the steps, prints the closing table, and fails if a step failed.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let chosen = |step: &&Step| {
        if arguments.fast {
            step.fast
        } else {
            arguments.steps.is_empty() || arguments.steps.iter().any(|name| name == step.name)
        }
    };
    let steps: Vec<&Step> = STEPS.iter().filter(chosen).collect();
    let logs = workspace::root().join("target/test");
    if logs.exists() {
        fs::remove_dir_all(&logs).with_context(|| format!("cannot remove {}", logs.display()))?;
    }
    fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
    let run = runner::Run { logs, ci: env::var_os("CI").is_some_and(|value| !value.is_empty()) };

    let mut records = Vec::new();
    for group in steps.chunk_by(|one, next| one.beside_others && next.beside_others) {
        let (last, hidden) = group.split_last().expect("chunk_by yields no empty group");
        // The last step of the group is shown while it runs, and the others when all are done, because two outputs at
        // once would be mixed.
        thread::scope(|scope| {
            let hidden: Vec<_> = hidden.iter().map(|step| scope.spawn(|| run.in_silence(step))).collect();
            let shown = run.step(last, &mut std::io::stdout());
            for step in hidden {
                let (record, transcript) = step.join().expect("a step does not panic")?;
                std::io::Write::write_all(&mut std::io::stdout(), &transcript)?;
                records.push(record);
            }
            records.push(shown?);
            anyhow::Ok(())
        })?;
    }
    print!("{}", summary::table(&records));
    let failed = records.is_empty() || records.iter().any(|record| record.outcome.verdict == Verdict::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
