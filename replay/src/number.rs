//! Numbers as text for people.

/// Returns a number with commas between groups of three digits: 1,461,601.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a fraction in per cent, or `-` if there is none.
pub(crate) fn percent(fraction: Option<f64>) -> String {
    fraction.map_or_else(|| "-".to_owned(), |fraction| format!("{:.2} %", fraction * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_stands_between_groups_of_three_digits() {
        let texts = [0, 999, 1000, 65_536, 1_461_601, u64::MAX].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "65,536", "1,461,601", "18,446,744,073,709,551,615"]);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!((percent(Some(0.1234)), percent(None)), ("12.34 %".to_owned(), "-".to_owned()));
    }
}
