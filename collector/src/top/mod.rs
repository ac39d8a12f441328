//! `collector top`: the counts of the kernel's own making, live on a terminal.
//!
//! ```text
//! Counter ─► Sample ─┐
//! /proc/buddyinfo ───┴─► Model (pure: rates, sorting, filters, keys) ─► draw (pure: Model to a screen)
//! ```

mod draw;
mod keys;
mod model;
mod number;

pub use draw::{Theme, draw};
pub use keys::{Key, Next};
pub use model::{Focus, Model, Sort, View};

use std::{
    io::{self, IsTerminal as _},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};

use crate::{
    Error,
    kernel::{BuddyInfo, ProcFile},
    privilege,
    stat::{Column, Counter, Options},
};

/// How often signals are looked at, at least.
const LOOK: Duration = Duration::from_millis(100);

/// Shows what is allocated until `q` is pressed or `stop` is set. `options.by` is top's own.
///
/// # Errors
/// [`Error::NoTerminal`]; what kept the counting from starting; what the terminal refuses.
pub fn top(options: &Options, interval: Duration, theme: Theme, stop: &AtomicBool) -> Result<(), Error> {
    if !(io::stdout().is_terminal() && io::stdin().is_terminal()) {
        return Err(Error::NoTerminal);
    }
    let options = Options { by: Column::ALL.to_vec(), ..options.clone() };
    let mut counter = Counter::start(&options)?;
    let mut buddyinfo = ProcFile::open("/proc/buddyinfo")?;
    privilege::drop_all()?;

    let mut model = Model::new(counter.first().clone(), interval);
    let mut screen = Screen::open()?;
    let keys = read_keys();
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now >= due && !model.is_paused() {
            let free = BuddyInfo::parse(buddyinfo.read()?);
            let free = free.ok_or_else(|| Error::Unknown {
                path: "/proc/buddyinfo".into(),
                reason: "its layout changed".to_owned(),
            })?;
            let sample = counter.sample()?;
            model.update(sample, free, counter.names());
            due = now + interval;
        }
        screen.terminal.draw(|frame| draw(frame, &model, counter.names(), theme)).map_err(refused)?;
        let wait = if model.is_paused() { LOOK } else { LOOK.min(due.saturating_duration_since(Instant::now())) };
        match keys.recv_timeout(wait) {
            Ok(key) if model.press(key, counter.names()) == Next::Quit => break,
            // Nobody can press a key any more.
            Err(RecvTimeoutError::Disconnected) => break,
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
    drop(screen);
    Ok(())
}

/// Keys as they are pressed. Read in a thread of their own: where the terminal is gone, reading from it never returns,
/// and this has to end all the same. It is only started when the privileges are dropped, which each thread has of its
/// own.
fn read_keys() -> Receiver<Key> {
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

fn refused(error: io::Error) -> Error {
    Error::System { action: "use the terminal", error }
}

/// The terminal while it is ours. However this ends, by a panic too, the user gets it back as it was.
struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    fn open() -> Result<Self, Error> {
        // Installs the hook for panics, too.
        ratatui::try_init().map(|terminal| Self { terminal }).map_err(refused)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing is left to do if this fails.
        let _gone = ratatui::try_restore();
    }
}
