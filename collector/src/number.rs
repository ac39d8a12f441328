//! Numbers as text for people: counts with commas, bytes and times with units. JSON output has plain digits and does
//! not use this module.
//!
//! `count`, `bytes` and `time` are for sentences and for tables whose columns grow. `short_count`, `short_bytes` and
//! `rate` have a bounded width, for the live view, whose columns do not move.

use indicatif::{HumanBytes, HumanCount};

/// Returns a count with all digits: `342,156`.
pub fn count(count: u64) -> String {
    HumanCount(count).to_string()
}

/// Returns a number of bytes, to a hundredth of the unit: `512 B`, `23.40 MiB`.
pub fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// Returns a time given in ns, with three digits: `16.4 µs`.
pub(crate) fn time(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => three_digits(ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => three_digits(ns as f64 / 1e6, "ms"),
        _ => three_digits(ns as f64 / 1e9, "s"),
    }
}

/// Returns a count in at most five characters: `9,876`, `98.8k`, `123k`, `4.56M`.
pub(crate) fn short_count(number: u64) -> String {
    match number {
        0..10_000 => count(number),
        10_000..100_000 => format!("{:.1}k", number as f64 / 1e3),
        100_000..1_000_000 => format!("{}k", number / 1_000),
        1_000_000..10_000_000 => format!("{:.2}M", number as f64 / 1e6),
        _ => format!("{}M", number / 1_000_000),
    }
}

/// Returns a number of bytes in at most eight characters: `512 B`, `1.50 KiB`, `23.4 MiB`.
pub(crate) fn short_bytes(bytes: f64) -> String {
    if bytes < 1024.0 {
        format!("{} B", bytes.round())
    } else {
        scaled(bytes, 1024.0, ["B", "KiB", "MiB", "GiB", "TiB"])
    }
}

/// Returns a rate per second in at most six characters: `0.3`, `27`, `12,345`, `1.23 M`.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate <= 0.0 => "0".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate if rate < 99_999.5 => count(rate.round() as u64),
        rate => scaled(rate, 1000.0, ["", "k", "M", "G", "T"]),
    }
}

/// Returns a value with three digits, in the unit in which it has at most three digits before the point.
fn scaled(mut value: f64, step: f64, units: [&str; 5]) -> String {
    let mut unit = 0;
    // A value that would be rounded up to four digits gets the next unit.
    while value >= step.min(999.5) && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    three_digits(value, units[unit])
}

fn three_digits(value: f64, unit: &str) -> String {
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        assert_eq!([0, 999, 1_000, 342_156, 1_234_567].map(count), ["0", "999", "1,000", "342,156", "1,234,567"]);
    }

    #[test]
    fn times_have_three_digits() {
        let times = [999, 1_000, 16_384, 999_940, 262_144_000, 68_719_476_736];
        assert_eq!(times.map(time), ["999 ns", "1.00 µs", "16.4 µs", "1000 µs", "262 ms", "68.7 s"]);
    }

    #[test]
    fn numbers_stay_short() {
        assert_eq!(
            [0.0, 0.31, 27.4, 999.6, 12_345.0, 99_999.0].map(rate),
            ["0", "0.3", "27", "1,000", "12,345", "99,999"]
        );
        assert_eq!([123_456.0, 999_600.0, 1_234_567.0, 45e9].map(rate), ["123 k", "1.00 M", "1.23 M", "45.0 G"]);
        assert_eq!(
            [0.0, 512.0, 1536.0, 24_536_678.0, 1023.9 * 1024.0].map(short_bytes),
            ["0 B", "512 B", "1.50 KiB", "23.4 MiB", "1.00 MiB"]
        );
        assert_eq!(
            [9_999, 98_765, 123_999, 4_560_000, 45_600_000].map(short_count),
            ["9,999", "98.8k", "123k", "4.56M", "45M"]
        );
        for number in (0..40).map(|bits| 1_u64 << bits) {
            assert!(short_count(number).len() <= 5 || number >= 10_000_000_000, "{}", short_count(number));
            let (rate, bytes) = (rate(number as f64), short_bytes(number as f64));
            assert!(rate.len() <= 6 && bytes.len() <= 8, "{rate} {bytes}");
        }
    }
}
