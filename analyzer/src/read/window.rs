//! The span of time of the option `--time`, in the form that perf's tools take: `START,STOP` in seconds of the trace's
//! clock, of which either may be left out.

use std::str::FromStr;

use trace::Trace;

use super::events::time_range;
use crate::Error;

/// A span of time from `from` to `to`, both included, in ns of the trace's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    from: u64,
    to: Option<u64>,
}

impl Window {
    /// Returns whether an event at this time (ns) is inside the span.
    pub fn contains(&self, time: u64) -> bool {
        time >= self.from && self.to.is_none_or(|to| time <= to)
    }

    /// Limits a trace to this span, so that rows from before or after it are not read.
    ///
    /// # Errors
    /// Returns [`Error::NothingThen`] if the span ends before the first event or begins after the last one.
    pub fn limit(&self, trace: &mut Trace) -> Result<(), Error> {
        let (from, to) = (self.from, self.to.unwrap_or(u64::MAX));
        if let Some((first, last)) = time_range(trace).filter(|(first, last)| *last < from || *first > to) {
            return Err(Error::NothingThen { first: in_seconds(first), last: in_seconds(last) });
        }
        trace.limit(from..=to);
        Ok(())
    }

    /// Returns the sentence for numbers of a limited trace, which says what span of time they are about. Returns `None`
    /// if the trace is not limited.
    pub fn sentence(trace: &Trace) -> Option<String> {
        let [from, to] = [trace.header.clock.start_ns, trace.header.clock.end_ns].map(in_seconds);
        let rest =
            "what was allocated before is not known, and losses are those between the ledger's rows around this time";
        (trace.span != (0..=u64::MAX))
            .then(|| format!("! only what happened from {from} to {to} s of the trace's clock; {rest}"))
    }
}

impl FromStr for Window {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::Text {
            what: format!("the time span `{text}`"),
            reason: "give START,STOP in seconds, such as 12.5,13 or 12.5,".to_owned(),
        };
        let (from, to) = text.split_once(',').unwrap_or((text, ""));
        let time = |text: &str| if text.is_empty() { Ok(None) } else { seconds(text).map(Some).ok_or_else(bad) };
        let (from, to) = (time(from)?.unwrap_or(0), time(to)?);
        if to.is_some_and(|to| to < from) {
            return Err(bad());
        }
        Ok(Self { from, to })
    }
}

/// Writes nanoseconds as seconds with nine decimals, so that no digit is lost.
fn in_seconds(ns: u64) -> String {
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// Converts seconds such as `12.000000001` into ns, without rounding. Returns `None` for any other text.
fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || ![whole, fraction].concat().bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(format!("{fraction:0<9}").parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_to_the_nanosecond() {
        let window: Window = "12.000000001,13".parse().unwrap();
        assert_eq!(
            [12_000_000_000, 12_000_000_001, 13_000_000_000, 13_000_000_001].map(|time| window.contains(time)),
            [false, true, true, false]
        );
        assert!(",1".parse::<Window>().unwrap().contains(0) && "1,".parse::<Window>().unwrap().contains(u64::MAX));
        for bad in ["x", "1,0.5", "1.0000000001", "-1"] {
            assert!(bad.parse::<Window>().is_err(), "{bad}");
        }
    }
}
