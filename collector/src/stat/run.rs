//! The main loop of counting, with a report for each interval.

use std::{
    ffi::OsString,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    counter::{Counter, Options},
    report::Report,
};
use crate::{
    Error,
    os::{child, privilege},
};

/// The times at which counting reports and stops.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// The time after which counting stops, if it is limited.
    pub duration: Option<Duration>,
    /// The time between two reports; `None` for no reports while counting runs.
    pub interval: Option<Duration>,
    /// The command to run, with whose end counting ends; empty for none.
    pub command: Vec<OsString>,
}

/// The longest time between two checks of the command and the signals.
const LOOK: Duration = Duration::from_millis(10);

/// Counts until the duration is over, the command ends, or `stop` is set. `each` is called with the report of each
/// interval. Returns the report of the whole time, and the stopped counter.
///
/// # Errors
/// [`Error`] if counting cannot start, or if the counts cannot be read.
pub fn stat(
    options: &Options,
    schedule: &Schedule,
    stop: &AtomicBool,
    each: &mut dyn FnMut(&Report),
) -> Result<(Report, Counter), Error> {
    let mut counter = Counter::start(options)?;
    let started = Instant::now();
    let mut child = child::spawn(&schedule.command)?;
    privilege::drop_all()?;
    let (first, mut last) = (counter.first().clone(), counter.first().clone());
    let mut next = schedule.interval.map(|interval| started + interval);
    loop {
        let now = Instant::now();
        let ended = schedule.duration.is_some_and(|duration| now - started >= duration)
            || stop.load(Ordering::Relaxed)
            || child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
        if ended {
            break;
        }
        if let (Some(due), Some(interval)) = (next, schedule.interval)
            && now >= due
        {
            let sample = counter.sample()?;
            each(&counter.report(&first, &last, &sample));
            last = sample;
            // The next report is due an interval after this one was due, and not after now, so that intervals do not
            // drift. Intervals that were missed are not made up for.
            next = Some(if due + interval > now { due + interval } else { now + interval });
        }
        let until = |end: Option<Instant>| end.map_or(LOOK, |end| end.saturating_duration_since(now));
        thread::sleep(LOOK.min(until(next)).min(until(schedule.duration.map(|duration| started + duration))));
    }
    let sample = counter.stop()?;
    if schedule.interval.is_some() {
        each(&counter.report(&first, &last, &sample));
    }
    Ok((counter.report(&first, &first, &sample), counter))
}
