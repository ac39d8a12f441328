//! The plan by which a table is read. `SQLite` passes the plan from its planner to the cursor as a text.

use std::{ops::RangeInclusive, str::FromStr};

/// The columns of a table that a query looks at, and the conditions by which rows are left out before `SQLite` sees
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// A bit for each column that the query looks at. The last bit stands for all columns from 63 on.
    pub columns: u64,
    /// The conditions on `time`, each with an argument.
    pub bounds: Vec<Bound>,
    /// The column that must equal the argument after those of the conditions on `time`.
    pub key: Option<usize>,
}

/// A condition on `time`. A strict condition is treated like one that includes the bound, since `SQLite` checks each
/// row again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Least,
    Most,
    Equal,
}

impl Plan {
    /// Returns whether the query looks at a column.
    pub fn uses(&self, column: usize) -> bool {
        self.columns & 1 << column.min(63) != 0
    }
}

impl Bound {
    /// Returns the part of a span of time (ns) that the condition leaves.
    pub fn narrow(self, span: RangeInclusive<u64>, bound: f64) -> RangeInclusive<u64> {
        // A time from 2^53 on loses digits as f64, so the bound is widened by 1024 ns, which is more than a time below
        // 2^63 can lose. The conversions to u64 saturate.
        let (from, to) = ((bound - 1024.0) as u64, (bound + 1024.0) as u64);
        match self {
            Self::Least => from.max(*span.start())..=*span.end(),
            Self::Most => *span.start()..=to.min(*span.end()),
            Self::Equal => from.max(*span.start())..=to.min(*span.end()),
        }
    }

    /// Returns the letter that stands for the condition in the plan's text.
    fn letter(self) -> char {
        match self {
            Self::Least => '>',
            Self::Most => '<',
            Self::Equal => '=',
        }
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bounds: String = self.bounds.iter().map(|bound| bound.letter()).collect();
        let key = self.key.map_or_else(String::new, |key| key.to_string());
        write!(f, "{:x}:{bounds}:{key}", self.columns)
    }
}

impl FromStr for Plan {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let [columns, bounds, key] = text.split(':').collect::<Vec<_>>()[..] else { return Err(()) };
        let bound = |letter| {
            [Bound::Least, Bound::Most, Bound::Equal].into_iter().find(|bound| bound.letter() == letter).ok_or(())
        };
        Ok(Self {
            columns: u64::from_str_radix(columns, 16).map_err(drop)?,
            bounds: bounds.chars().map(bound).collect::<Result<_, _>>()?,
            key: if key.is_empty() { None } else { Some(key.parse().map_err(drop)?) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_survives_the_text_that_sqlite_keeps_it_in() {
        for plan in [
            Plan::default(),
            Plan { columns: u64::MAX, bounds: vec![Bound::Least, Bound::Equal, Bound::Most], key: Some(3) },
        ] {
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
        assert!("".parse::<Plan>().is_err() && "1:x:".parse::<Plan>().is_err());
        assert!(Plan { columns: 1 << 63, ..Plan::default() }.uses(70));
    }

    #[test]
    fn no_time_is_ever_left_out_that_a_condition_lets_in() {
        let all = 0..=u64::MAX;
        for time in [0, 1, 5_000, (1 << 53) + 1, (1 << 62) + 77] {
            for bound in [Bound::Least, Bound::Most, Bound::Equal] {
                assert!(bound.narrow(all.clone(), time as f64).contains(&time), "{time}");
            }
        }
        assert!(!Bound::Most.narrow(all.clone(), 5000.0).contains(&10_000));
        assert!(!Bound::Least.narrow(all.clone(), 50_000.0).contains(&10_000));
        assert!(Bound::Least.narrow(all, -3.0).contains(&0));
    }
}
