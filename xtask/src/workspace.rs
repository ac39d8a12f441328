//! The repository that this program belongs to, and running other programs in its root.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, ExitStatus},
};

use anyhow::{Context as _, ensure};

/// The exit status of a command that could not do its work here and has said why, as in automake and meson.
pub const SKIPPED: u8 = 77;

/// Returns the repository's root, in which the folder of this crate lies.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

/// Returns a command that runs a program in the repository's root. A program with a slash in its name is one of the
/// repository; any other is searched for on the PATH.
pub fn command(words: &[impl AsRef<OsStr>]) -> Command {
    let program = Path::new(&words[0]);
    let program = if program.components().count() > 1 { root().join(program) } else { program.to_owned() };
    let mut command = Command::new(program);
    command.args(&words[1..]).current_dir(root());
    command
}

/// Waits for the end of a program. Errors if the program cannot be started.
pub fn status(command: &mut Command) -> anyhow::Result<ExitStatus> {
    command.status().with_context(|| cannot_start(command))
}

/// Runs a program. Errors unless the program succeeds.
pub fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = status(command)?;
    ensure!(status.success(), "{} failed ({status})", line(command));
    Ok(())
}

/// Returns a sentence that says which program is missing and how to install it.
pub fn cannot_start(command: &Command) -> String {
    format!("cannot start {}; `xtask/setup.sh test` installs what is needed", command.get_program().display())
}

/// Returns the command line as a user would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
