//! The command that is run while events are recorded or counted.

use std::{
    ffi::OsString,
    process::{Child, Command},
};

use crate::Error;

/// Starts a command, given as its words. Returns `None` if there are no words.
///
/// # Errors
/// [`Error::Command`]
pub fn spawn(command: &[OsString]) -> Result<Option<Child>, Error> {
    let [program, arguments @ ..] = command else { return Ok(None) };
    let child = Command::new(program).args(arguments).spawn();
    child.map(Some).map_err(|error| Error::Command { command: program.to_string_lossy().into_owned(), error })
}
