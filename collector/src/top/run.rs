//! The loop of the live view.

use std::{
    io::{self, IsTerminal as _},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::RecvTimeoutError,
    },
    time::{Duration, Instant},
};

use super::{
    draw::{Theme, draw},
    keys::Next,
    model::Model,
    terminal::{Screen, read_keys, refused},
};
use crate::{
    Error,
    kernel::{BuddyInfo, ProcFile},
    os::privilege,
    stat::{Column, Counter, Options},
};

/// The longest time between two checks of the signals.
const LOOK: Duration = Duration::from_millis(100);

/// Shows the live view until `q` is pressed or `stop` is set. All columns are counted, so `options.by` is not used.
///
/// # Errors
/// [`Error::NoTerminal`] if there is no terminal, [`Error::System`] if the terminal refuses something, and the errors
/// of counting.
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
            // The terminal is gone, so no further key can come.
            Err(RecvTimeoutError::Disconnected) => break,
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
    drop(screen);
    Ok(())
}
