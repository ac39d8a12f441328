//! Reading how many tests a step ran from the output of cargo test, of Python's unittest, and of this project's own
//! scripts, which end with `N passed, N failed, N skipped`.

/// The numbers of tests that passed, failed and were skipped. They are signed, because a correction may come before the
/// count that it corrects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: i64,
    pub failed: i64,
    pub skipped: i64,
}

/// The text in the `#[ignore]` of a test that another step runs. The test is counted there and does not count as
/// skipped.
const RUN_BY_ANOTHER_STEP: &str = "run by cargo xtask live";
/// The text that a test prints if it cannot do its work here, before it passes.
const SKIPPED: &str = "SKIPPED: ";

/// Returns the sum of the counts in an output, or `None` if it has no counts.
pub fn count(output: &str) -> Option<Counts> {
    let mut sum = Counts::default();
    let mut found = false;
    // The number of tests that unittest ran, kept from the line of the total until that of the outcome.
    let mut ran = None;
    for line in output.lines() {
        if line.split_once(" ... ignored, ").is_some_and(|(_, reason)| reason.contains(RUN_BY_ANOTHER_STEP)) {
            sum.skipped -= 1;
        }
        if line.contains(SKIPPED) {
            sum.passed -= 1;
            sum.skipped += 1;
        }
        if let Some(counts) = of_cargo(line).or_else(|| of_own_script(line)) {
            found = true;
            sum.add(counts);
        } else if let Some(total) = of_unittest(line) {
            found = true;
            ran = Some(ran.unwrap_or(0) + total);
        } else if let Some(total) = ran
            && (line.starts_with("OK") || line.starts_with("FAILED"))
        {
            let failed = labelled(line, "failures=") + labelled(line, "errors=");
            let skipped = labelled(line, "skipped=");
            sum.add(Counts { passed: total - failed - skipped, failed, skipped });
            ran = None;
        }
    }
    found.then_some(sum)
}

impl Counts {
    pub fn add(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

/// Reads the counts of cargo: `test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in
/// 0.01s`.
fn of_cargo(line: &str) -> Option<Counts> {
    let words: Vec<&str> = line.strip_prefix("test result: ")?.split_whitespace().collect();
    let before = |label: &str| -> i64 {
        let labelled = words.windows(2).filter(|pair| pair[1].starts_with(label));
        labelled.filter_map(|pair| pair[0].parse::<i64>().ok()).sum()
    };
    Some(Counts { passed: before("passed"), failed: before("failed"), skipped: before("ignored") })
}

/// Reads the counts of a script, on a line of their own: `12 passed, 0 failed, 1 skipped`.
fn of_own_script(line: &str) -> Option<Counts> {
    let (passed, rest) = line.split_once(" passed, ")?;
    let (failed, rest) = rest.split_once(" failed, ")?;
    let skipped = rest.strip_suffix(" skipped")?;
    Some(Counts { passed: number(passed)?, failed: number(failed)?, skipped: number(skipped)? })
}

/// Reads the total of unittest: `Ran 14 tests in 0.120s`.
fn of_unittest(line: &str) -> Option<i64> {
    let (total, rest) = line.strip_prefix("Ran ")?.split_once(" test")?;
    (rest.starts_with(" in ") || rest.starts_with("s in ")).then(|| number(total))?
}

/// Returns the number after a label, as in `FAILED (failures=1, errors=2)`, or 0 without the label.
fn labelled(line: &str, label: &str) -> i64 {
    let after = line.split_once(label).map_or("", |(_, after)| after);
    let digits = after.find(|c: char| !c.is_ascii_digit()).map_or(after, |end| &after[..end]);
    number(digits).unwrap_or(0)
}

/// Returns the number that a text of digits only stands for, or `None` if it has a sign or a space.
fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the numbers of passed, failed and skipped tests in an output that has counts.
    fn counted(output: &str) -> [i64; 3] {
        let Counts { passed, failed, skipped } = count(output).unwrap();
        [passed, failed, skipped]
    }

    #[test]
    fn an_output_without_counts_has_none() {
        assert_eq!(count(""), None);
        assert_eq!(count("error: could not compile\nOK\nFAILED (failures=1)\n"), None);
    }

    #[test]
    fn every_binary_of_cargo_test_is_counted() {
        let output = "\
running 3 tests
test one ... ok
test two ... FAILED
test three ... ignored
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.20s
";
        assert_eq!(counted(output), [3, 1, 1]);
    }

    #[test]
    fn what_another_step_runs_is_not_skipped() {
        let output = "\
test record::one ... ignored, needs root and eBPF: run by cargo xtask live
test record::two ... ignored, locks the kernel down until it is booted again: run by cargo xtask live, in guests
test other ... ignored, takes an hour
test result: ok. 4 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        assert_eq!(counted(output), [4, 0, 1]);
    }

    #[test]
    fn a_test_that_says_it_cannot_run_is_skipped_though_it_passes() {
        let output = "\
test lockdown ... SKIPPED: the kernel is locked down in the guests of the kernel matrix only
ok
SKIPPED: /proc/zoneinfo cannot be read
test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        assert_eq!(counted(output), [3, 0, 2]);
    }

    #[test]
    fn the_closing_line_of_our_own_scripts_is_a_whole_line() {
        assert_eq!(counted("passed  one\n12 passed, 1 failed, 2 skipped\n"), [12, 1, 2]);
        assert_eq!(count("so far 12 passed, 1 failed, 2 skipped\n"), None);
        assert_eq!(count("12 passed, 1 failed, 2 skipped.\n"), None);
        assert_eq!(count("12 passed, -1 failed, 2 skipped\n"), None);
    }

    #[test]
    fn unittest_tells_the_total_first_and_what_went_wrong_after() {
        assert_eq!(counted("Ran 1 test in 0.001s\n\nOK\n"), [1, 0, 0]);
        assert_eq!(counted("Ran 14 tests in 0.120s\n\nOK (skipped=3)\n"), [11, 0, 3]);
        let output = "Ran 10 tests in 1.0s\n\nFAILED (failures=1, errors=2, skipped=3)\nRan 2 tests in 0.1s\n\nOK\n";
        assert_eq!(counted(output), [6, 3, 3]);
        // The output ended early, so it is not known whether a test failed.
        assert_eq!(counted("Ran 10 tests in 1.0s\n"), [0, 0, 0]);
    }
}
