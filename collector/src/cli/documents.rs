//! Shell completions and manual pages, which are generated from the definition of the arguments, so that they always
//! agree with it.

use std::{fs, io, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Command;

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

/// Prints completions for a shell.
pub fn completions(arguments: &CompletionsArgs, mut command: Command) -> ExitCode {
    clap_complete::generate(arguments.shell, &mut command, "collector", &mut io::stdout());
    ExitCode::SUCCESS
}

/// Writes a manual page for each command.
///
/// # Errors
/// The operating system's error if the directory or a page cannot be written.
pub fn man(arguments: &ManArgs, command: Command) -> anyhow::Result<ExitCode> {
    let directory = arguments.directory.display();
    fs::create_dir_all(&arguments.directory).with_context(|| format!("cannot make the directory {directory}"))?;
    clap_mangen::generate_to(command, &arguments.directory)
        .with_context(|| format!("cannot write into {directory}"))?;
    Ok(ExitCode::SUCCESS)
}
