//! This module writes numbers as people read them. A number's unit says how it is written.

/// The unit of a column's numbers, which decides how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A text, which is no number at all.
    Text,
    /// A number that names something, such as an order or a pid.
    Number,
    /// A count of things.
    Count,
    /// A size in bytes.
    Bytes,
    /// A length of time in ns.
    Duration,
    /// A fraction of 1, which is shown in percent.
    Fraction,
    /// A fragmentation index of the kernel's, in thousandths, which is shown as debugfs shows it.
    Index,
}

impl Unit {
    /// Returns the unit that a column's heading names, where the cells do not name their unit.
    pub const fn heading(self) -> Option<&'static str> {
        match self {
            Self::Fraction => Some("%"),
            _ => None,
        }
    }
}

/// Writes a whole number with a comma between its thousands: `1,234,567`. All text for people has this form; JSON and
/// CSV have bare digits.
pub fn count(number: i64) -> String {
    let mut text = number.to_string();
    separate_thousands(&mut text);
    text
}

/// Writes the length of a collection in memory, as [`count`] does.
pub fn len(number: usize) -> String {
    count(number.cast_signed() as i64)
}

/// Puts commas into the whole part of a number in digits, which may have a sign and decimals.
fn separate_thousands(number: &mut String) {
    let first = usize::from(number.starts_with('-'));
    let end = number.find('.').unwrap_or(number.len());
    for at in (first + 1..end).rev().filter(|at| (end - at).is_multiple_of(3)) {
        number.insert(at, ',');
    }
}

/// Writes bytes with three digits or more, and their unit: `1.50 MiB`.
pub fn bytes(bytes: i64) -> String {
    scaled(bytes as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// Writes nanoseconds with three digits or more, and their unit: `1.50 ms`.
pub fn duration(ns: f64) -> String {
    if ns >= 120e9 {
        return with_unit(ns / 60e9, 1, "min");
    }
    scaled(ns, 1000.0, &["ns", "µs", "ms", "s"])
}

/// Writes a fraction in percent: `12.3`. A fraction below one percent keeps two decimals, so that it is not read as
/// zero.
pub fn percent(fraction: f64) -> String {
    let decimals = if fraction != 0.0 && fraction.abs() < 0.01 { 2 } else { 1 };
    format!("{:.decimals$}", fraction * 100.0)
}

/// Writes a number for the axis of a chart: `12.3k`.
pub fn short(number: f64) -> String {
    scaled(number, 1000.0, &["", "k", "M", "G", "T"]).replace(' ', "")
}

fn scaled(mut number: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    // 999.95 would be written as 1000.0.
    while number.abs() >= step - 0.05 && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let whole = (number - number.round()).abs() < 1e-9;
    let decimals = if whole && (unit == 0 || number.abs() < 1.0 || units[0].is_empty()) || number.abs() >= 99.95 {
        0
    } else if number.abs() >= 9.995 {
        1
    } else {
        2
    };
    with_unit(number, decimals, units[unit])
}

fn with_unit(number: f64, decimals: usize, unit: &str) -> String {
    let mut text = format!("{number:.decimals$}");
    separate_thousands(&mut text);
    format!("{text} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([count(0), count(-1234), count(1_234_567)], ["0", "-1,234", "1,234,567"]);
        assert_eq!(
            [bytes(0), bytes(1023), bytes(1536), bytes(-4096), bytes(10 << 20)],
            ["0 B", "1,023 B", "1.50 KiB", "-4.00 KiB", "10.0 MiB"]
        );
        assert_eq!(
            [duration(0.0), duration(999.0), duration(1500.0), duration(2.5e9)],
            ["0 ns", "999 ns", "1.50 µs", "2.50 s"]
        );
        assert_eq!([0.1234, 0.0013, 0.0, 1.0].map(percent), ["12.3", "0.13", "0.0", "100.0"]);
        assert_eq!([short(0.0), short(950.0), short(1500.0), short(2e6)], ["0", "950", "1.50k", "2M"]);
    }

    #[test]
    fn thousands_are_separated_by_commas_whatever_the_unit() {
        assert_eq!([999, 1000, -999, i64::MIN].map(count), ["999", "1,000", "-999", "-9,223,372,036,854,775,808"]);
        assert_eq!([bytes(1000), bytes(i64::MAX)], ["1,000 B", "8,192 PiB"]);
        assert_eq!([duration(120e9), duration(7200e9 * 60.0)], ["2.0 min", "7,200.0 min"]);
        assert_eq!(short(1e18), "1,000,000T");
    }

    #[test]
    fn rounding_never_shows_a_thousand_of_the_smaller_unit() {
        assert_eq!(bytes(1024 * 1024 - 1), "1.00 MiB");
        assert_eq!(duration(999_999.0), "1.00 ms");
    }
}
