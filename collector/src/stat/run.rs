//! Counting from start to end, with a report for each interval.

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

/// When to report, and when to stop.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// stop after this time
    pub duration: Option<Duration>,
    /// report each time that this much time has passed
    pub interval: Option<Duration>,
    /// a command to run; counting ends with it
    pub command: Vec<OsString>,
}

/// The longest time between two looks at the command and the signals.
const LOOK: Duration = Duration::from_millis(10);

/// Counts until the duration is over, the command ends, or `stop` is set; `each` gets what was counted in each
/// interval. Returns what was counted in all, and the counter, which has stopped.
///
/// # Errors
/// What kept the counting from starting, or the kernel's refusal to read the counts.
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
            // The next one is due from the schedule, not from now, so that intervals do not drift. Intervals that were
            // missed are not made up for.
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
