//! How a table is to be read. `SQLite`'s planner tells it to the cursor, and hands it on as a text.

use std::{ops::RangeInclusive, str::FromStr};

/// How a query reads a table: which columns it looks at, and which conditions leave out rows beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// a bit for each column that is looked at; the last one stands for all columns from 63 on
    pub columns: u64,
    /// what is said about `time`, one argument each
    pub bounds: Vec<Bound>,
    /// a column that must equal the argument after those
    pub key: Option<usize>,
}

/// A condition on `time`. Whether the bound itself is in does not matter, for `SQLite` looks at each row again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Least,
    Most,
    Equal,
}

impl Plan {
    /// Returns whether a column is looked at.
    pub fn uses(&self, column: usize) -> bool {
        self.columns & 1 << column.min(63) != 0
    }
}

impl Bound {
    /// Returns what the condition leaves of a span of time, ns.
    pub fn narrow(self, span: RangeInclusive<u64>, bound: f64) -> RangeInclusive<u64> {
        // Times from 2^53 on lose digits as f64, so the bound is taken wider than it is: by what one can lose below
        // 2^63. Conversions saturate.
        let (from, to) = ((bound - 1024.0) as u64, (bound + 1024.0) as u64);
        match self {
            Self::Least => from.max(*span.start())..=*span.end(),
            Self::Most => *span.start()..=to.min(*span.end()),
            Self::Equal => from.max(*span.start())..=to.min(*span.end()),
        }
    }

    /// Returns the letter that stands for the condition in the text.
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
