//! The parsers of the options' values: seconds and sizes.

use std::time::Duration;

/// Parses a time in seconds, such as `10`, `0.5` or `2s`, which must be greater than 0.
///
/// # Errors
/// A text with examples of valid values.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.trim_end_matches('s').parse().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "seconds, as in 10 or 0.5".to_owned())
}

/// Parses a size in bytes, such as `4096`, `64K`, `8M` or `1G`, which must be greater than 0. Units are powers of two.
///
/// # Errors
/// A text with examples of valid values.
pub fn size(text: &str) -> Result<u64, String> {
    let units = [('k', 10), ('m', 20), ('g', 30)];
    let lower = text.trim_end_matches(['b', 'B']).to_lowercase();
    let (digits, shift) =
        units.iter().find_map(|(unit, shift)| Some((lower.strip_suffix(*unit)?, *shift))).unwrap_or((&lower, 0));
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(1 << shift))
        .filter(|size| *size > 0)
        .ok_or_else(|| "a size, as in 64K, 8M or 1G".to_owned())
}
