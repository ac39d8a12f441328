//! The verdict on a step, from its exit status and the counts that it printed.

use std::fmt;

use super::counts::Counts;
use crate::workspace::SKIPPED;

/// The verdict on a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// The verdict on a step, the counts of its tests, and the reason if one is needed.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub counts: Counts,
    /// The reason why the step failed, if the step's own output does not give it.
    pub reason: Option<&'static str>,
}

impl Outcome {
    /// Judges a step by its exit status (`None` if a signal ended it or it never started) and its counts. A step that
    /// printed no counts is one test.
    pub fn judge(status: Option<i32>, counted: Option<Counts>, ci: bool) -> Self {
        let zero = Counts { passed: 0, failed: 0, skipped: 0 };
        let counts = counted.unwrap_or(zero);
        let outcome = |verdict, counts, reason| Self { verdict, counts, reason };
        if status == Some(i32::from(SKIPPED)) {
            if ci {
                let reason = Some("skipped, which is a failure where CI is set");
                return outcome(Verdict::Failed, Counts { failed: 1, ..zero }, reason);
            }
            return outcome(Verdict::Skipped, Counts { skipped: 1, ..zero }, None);
        }
        if status != Some(0) {
            // A step that fails before its first test or outside of one still counts as one failure.
            return outcome(Verdict::Failed, Counts { failed: counts.failed.max(1), ..counts }, None);
        }
        match counted {
            None => outcome(Verdict::Passed, Counts { passed: 1, ..zero }, None),
            Some(Counts { passed: ..=0, skipped, .. }) => {
                let reason = Some("succeeded without running a single test");
                outcome(Verdict::Failed, Counts { failed: 1, skipped, ..zero }, reason)
            }
            Some(counts) => outcome(Verdict::Passed, counts, None),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: i64, failed: i64, skipped: i64) -> Counts {
        Counts { passed, failed, skipped }
    }

    fn judged(status: i32, counted: Option<Counts>, ci: bool) -> (Verdict, Counts) {
        let outcome = Outcome::judge(Some(status), counted, ci);
        (outcome.verdict, outcome.counts)
    }

    #[test]
    fn a_step_without_counts_is_one_test() {
        assert_eq!(judged(0, None, true), (Verdict::Passed, counts(1, 0, 0)));
        assert_eq!(judged(1, None, true), (Verdict::Failed, counts(0, 1, 0)));
        assert_eq!(Outcome::judge(None, None, false).counts, counts(0, 1, 0));
    }

    #[test]
    fn status_77_is_skipped_and_a_failure_where_ci_is_set() {
        assert_eq!(judged(77, Some(counts(3, 0, 0)), false), (Verdict::Skipped, counts(0, 0, 1)));
        assert_eq!(judged(77, Some(counts(3, 0, 0)), true), (Verdict::Failed, counts(0, 1, 0)));
    }

    #[test]
    fn a_status_that_is_not_zero_is_at_least_one_failure() {
        assert_eq!(judged(101, Some(counts(7, 2, 1)), false), (Verdict::Failed, counts(7, 2, 1)));
        assert_eq!(judged(101, Some(counts(7, 0, 1)), false), (Verdict::Failed, counts(7, 1, 1)));
    }

    #[test]
    fn a_step_that_passes_without_running_one_test_has_failed() {
        assert_eq!(judged(0, Some(counts(0, 0, 4)), false), (Verdict::Failed, counts(0, 1, 4)));
        assert!(Outcome::judge(Some(0), Some(counts(0, 0, 0)), false).reason.is_some());
        assert_eq!(judged(0, Some(counts(5, 0, 4)), true), (Verdict::Passed, counts(5, 0, 4)));
    }
}
