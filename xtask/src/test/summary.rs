//! The closing table of a run, with the slowest step first and a last line of counts.

use std::{
    cmp::Reverse,
    fmt::{self, Write as _},
};

use super::{counts::Counts, outcome::Verdict, runner::Record};

/// Returns the table of a run. Its last line has the counts alone, for programs that read them.
pub fn table(records: &[Record]) -> String {
    let mut text = String::new();
    write(&mut text, records).expect("a string takes whatever is written");
    text
}

fn write(text: &mut String, records: &[Record]) -> fmt::Result {
    writeln!(
        text,
        "\n{:<14} {:>9}  {:<8} {:>7} {:>7} {:>8}",
        "step", "seconds", "outcome", "passed", "failed", "skipped"
    )?;
    let mut slowest_first: Vec<&Record> = records.iter().collect();
    slowest_first.sort_by_key(|record| Reverse(record.time));
    let mut sum = Counts::default();
    for Record { name, time, outcome } in slowest_first {
        let Counts { passed, failed, skipped } = outcome.counts;
        let seconds = time.as_secs_f64();
        writeln!(text, "{name:<14} {seconds:>9.1}  {:<8} {passed:>7} {failed:>7} {skipped:>8}", outcome.verdict)?;
        sum.add(outcome.counts);
    }
    // The time of steps that ran side by side counts twice: it is the time of the steps and not the elapsed time.
    let seconds: f64 = records.iter().map(|record| record.time.as_secs_f64()).sum();
    writeln!(text, "{:<14} {seconds:>9.1}\n", "all")?;
    let failed: Vec<_> =
        records.iter().filter(|record| record.outcome.verdict == Verdict::Failed).map(|record| record.name).collect();
    if !failed.is_empty() {
        writeln!(text, "failed: {}; what each printed is in target/test/STEP.log", failed.join(" "))?;
    }
    writeln!(text, "{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::outcome::Outcome, *};

    fn record(name: &'static str, ms: u64, status: i32, counts: Option<Counts>) -> Record {
        Record { name, time: Duration::from_millis(ms), outcome: Outcome::judge(Some(status), counts, false) }
    }

    #[test]
    fn the_slowest_step_comes_first_and_the_counts_last() {
        let tests = Some(Counts { passed: 40, failed: 2, skipped: 1 });
        let records =
            [record("format", 900, 0, None), record("tests", 61_234, 101, tests), record("live", 100, 77, None)];
        let expected = "
step             seconds  outcome   passed  failed  skipped
tests               61.2  failed        40       2        1
format               0.9  passed         1       0        0
live                 0.1  skipped        0       0        1
all                 62.2

failed: tests; what each printed is in target/test/STEP.log
41 passed, 2 failed, 2 skipped
";
        assert_eq!(table(&records), expected);
    }
}
