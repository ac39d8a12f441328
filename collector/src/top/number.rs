//! Numbers that fit into a column and keep their place.

/// A rate per second: `0.3`, `27`, `12,345`, `1.23 M`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate <= 0.0 => "0".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate if rate < 99_999.5 => thousands(rate.round() as u64),
        rate => scaled(rate, 1000.0, ["", "k", "M", "G", "T"]),
    }
}

/// Bytes: `512 B`, `1.50 KiB`, `23.4 MiB`.
pub fn bytes(bytes: f64) -> String {
    if bytes < 1024.0 {
        format!("{} B", bytes.round())
    } else {
        scaled(bytes, 1024.0, ["B", "KiB", "MiB", "GiB", "TiB"])
    }
}

/// A count in five characters: `98765`, `123k`, `4.5M`.
pub fn count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..100_000 => format!("{:.1}k", count as f64 / 1e3),
        100_000..1_000_000 => format!("{}k", count / 1_000),
        1_000_000..10_000_000 => format!("{:.2}M", count as f64 / 1e6),
        _ => format!("{}M", count / 1_000_000),
    }
}

/// Three digits and a unit.
fn scaled(mut value: f64, step: f64, units: [&str; 5]) -> String {
    let mut unit = 0;
    // What would be rounded up to four digits belongs to the next unit.
    while value >= step.min(999.5) && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {}", units[unit])
}

fn thousands(number: u64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_short() {
        assert_eq!(
            [0.0, 0.31, 27.4, 999.6, 12_345.0, 99_999.0].map(rate),
            ["0", "0.3", "27", "1,000", "12,345", "99,999"]
        );
        assert_eq!([123_456.0, 999_600.0, 1_234_567.0, 45e9].map(rate), ["123 k", "1.00 M", "1.23 M", "45.0 G"]);
        assert_eq!(
            [0.0, 512.0, 1536.0, 24_536_678.0, 1023.9 * 1024.0].map(bytes),
            ["0 B", "512 B", "1.50 KiB", "23.4 MiB", "1.00 MiB"]
        );
        assert_eq!(
            [9_999, 98_765, 123_999, 4_560_000, 45_600_000].map(count),
            ["9999", "98.8k", "123k", "4.56M", "45M"]
        );
        for number in (0..40).map(|bits| 1_u64 << bits) {
            assert!(count(number).len() <= 5 || number >= 10_000_000_000, "{}", count(number));
            assert!(rate(number as f64).len() <= 6 && bytes(number as f64).len() <= 8, "{}", bytes(number as f64));
        }
    }
}
