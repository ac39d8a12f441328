//! The terminal, from which keys are read and on which the view is shown.

use std::{
    io,
    sync::mpsc::{self, Receiver},
    thread,
};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};

use super::key::Key;
use crate::Error;

/// Returns a channel of the keys as they are pressed. They are read in a thread of their own, because reading from a
/// terminal that is gone never returns, and the view has to end nevertheless. The privileges have to be dropped before,
/// because each thread has its own privileges.
pub(super) fn read_keys() -> Receiver<Key> {
    let (sender, keys) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if let Event::Key(key) = event
                && key.kind != KeyEventKind::Release
                && let Some(key) = Key::from_terminal(key)
                && sender.send(key).is_err()
            {
                break;
            }
        }
    });
    keys
}

/// Returns the error for a terminal that refuses something.
pub(super) fn refused(error: io::Error) -> Error {
    Error::System { action: "use the terminal", error }
}

/// The terminal while the view is shown. Dropping it restores the terminal, however the view ends; a panic restores the
/// terminal, too.
pub(super) struct Screen {
    pub terminal: DefaultTerminal,
}

impl Screen {
    pub fn open() -> Result<Self, Error> {
        // `try_init` also installs a panic hook that restores the terminal.
        ratatui::try_init().map(|terminal| Self { terminal }).map_err(refused)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If this fails, nothing more can be done.
        let _gone = ratatui::try_restore();
    }
}
