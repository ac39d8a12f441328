//! The signals, as flags that the program checks from time to time.

use std::sync::{Arc, atomic::AtomicBool};

use signal_hook::{
    consts::{SIGHUP, SIGUSR1, TERM_SIGNALS},
    flag,
};

use crate::Error;

/// Returns a flag that is set by Ctrl-C and every other signal that asks a program to end.
///
/// # Errors
/// [`Error::System`]
pub fn stop_on_signals() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in TERM_SIGNALS.iter().chain(&[SIGHUP]) {
        set_on(*signal, &stop)?;
    }
    Ok(stop)
}

/// Returns a flag that is set by SIGUSR1.
///
/// # Errors
/// [`Error::System`]
pub fn set_on_usr1() -> Result<Arc<AtomicBool>, Error> {
    let asked = Arc::new(AtomicBool::new(false));
    set_on(SIGUSR1, &asked)?;
    Ok(asked)
}

fn set_on(signal: i32, set: &Arc<AtomicBool>) -> Result<(), Error> {
    let registered = flag::register(signal, Arc::clone(set));
    registered.map(drop).map_err(|error| Error::System { action: "handle signals", error })
}
