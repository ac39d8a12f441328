//! Shell completions and manual pages, made from what the arguments are parsed by, so that they say the same.

use std::{fs, io, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::Cli;

#[derive(clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

#[derive(clap::Args)]
pub struct ManArgs {
    /// Directory to write into; made if it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub fn completions(arguments: &CompletionsArgs) -> ExitCode {
    clap_complete::generate(arguments.shell, &mut Cli::command(), "collector", &mut io::stdout());
    ExitCode::SUCCESS
}

pub fn man(arguments: &ManArgs) -> anyhow::Result<ExitCode> {
    let directory = arguments.directory.display();
    fs::create_dir_all(&arguments.directory).with_context(|| format!("cannot make the directory {directory}"))?;
    clap_mangen::generate_to(Cli::command(), &arguments.directory)
        .with_context(|| format!("cannot write into {directory}"))?;
    Ok(ExitCode::SUCCESS)
}
