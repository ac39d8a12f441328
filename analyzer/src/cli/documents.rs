//! The documents that packagers need: completions for shells, and manual pages. They are made from the declarations by
//! which the arguments are parsed.

use std::{fs, io, path::PathBuf};

use anyhow::Context as _;

#[derive(clap::Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

#[derive(clap::Args)]
pub struct Man {
    /// Directory to write into; made if it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Prints the completions of a command for a shell to stdout.
pub fn completions(arguments: &Completions, command: &mut clap::Command) {
    clap_complete::generate(arguments.shell, command, "analyzer", &mut io::stdout());
}

/// Writes the manual pages of a command into a directory.
pub fn man(arguments: &Man, command: clap::Command) -> anyhow::Result<()> {
    let dir = &arguments.dir;
    fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    clap_mangen::generate_to(command, dir).with_context(|| format!("cannot write into {}", dir.display()))
}
