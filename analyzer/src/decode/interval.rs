//! This module chooses intervals of round length that divide the time of a trace.

use trace::Header;

/// The greatest number of intervals that a trace is divided into, which is as many as a chart can tell apart.
const INTERVALS: u64 = 120;

/// Returns the length in ns of the intervals that divide the time from the start of a trace to its end.
pub(crate) fn of_trace(header: &Header) -> u64 {
    that_divides(header.clock.end_ns.saturating_sub(header.clock.start_ns))
}

/// Returns the length in ns of the intervals that divide a span of `span` ns: 1, 2 or 5 times a power of ten.
pub(crate) fn that_divides(span: u64) -> u64 {
    round_up(span.div_ceil(INTERVALS).max(1))
}

/// Returns the least of the numbers 1, 2, 5, 10, 20, 50 … that is not less than `number`.
fn round_up(number: u64) -> u64 {
    let power = 10_u64.pow(number.max(1).ilog10());
    [1, 2, 5, 10].into_iter().map(|factor| factor * power).find(|round| *round >= number).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    #[test]
    fn intervals_are_round() {
        assert_eq!([1, 2, 3, 7, 11, 49, 51, 99].map(super::round_up), [1, 2, 5, 10, 20, 50, 100, 100]);
    }
}
