//! The contents of the counting programs' maps at one moment. The counters only grow, so the counts of an interval are
//! the difference of two samples, and no event between two samples is lost.

use std::collections::HashMap;

use trace::{Latency, Program, Tally, TallyKey, Wait};

/// The counts of all CPUs together at one moment, or the difference of the counts at two moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The time of the sample, in ns of `CLOCK_MONOTONIC`; of a difference, the time between the two samples, in ns.
    pub time: u64,
    /// The counts, by the columns that were told apart.
    pub tallies: HashMap<TallyKey, Tally>,
    /// The counts of the events for whose key the eBPF map had no room.
    pub no_room: Vec<(Program, Tally)>,
    /// The numbers of events that the filter kept out.
    pub filtered: Vec<(Program, u64)>,
    /// The number of times that the kernel did not run each program.
    pub missed: Vec<(Program, u64)>,
    /// The histograms of the durations of reclaim and compaction, by [`Wait`].
    pub latencies: [Latency; Wait::ALL.len()],
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            time: 0,
            tallies: HashMap::new(),
            no_room: vec![],
            filtered: vec![],
            missed: vec![],
            latencies: [Latency::NONE; Wait::ALL.len()],
        }
    }
}

impl Sample {
    /// Adds the counts of a key, unless they are zero.
    pub fn insert(&mut self, key: TallyKey, tally: Tally) {
        if tally.events > 0 {
            self.tallies.entry(key).or_default().add(tally);
        }
    }

    /// Returns the difference from an earlier sample.
    #[must_use]
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let tally = |(key, tally): (&TallyKey, &Tally)| {
            let difference = tally.since(earlier.tallies.get(key).copied().unwrap_or_default());
            (difference.events > 0).then_some((*key, difference))
        };
        let before = |counts: &[(Program, u64)], program| {
            counts.iter().find(|(known, _)| *known == program).map_or(0, |(_, count)| *count)
        };
        let counts = |now: &[(Program, u64)], earlier: &[(Program, u64)]| {
            now.iter().map(|(program, count)| (*program, count.saturating_sub(before(earlier, *program)))).collect()
        };
        let no_room = |program| {
            earlier.no_room.iter().find(|(known, _)| *known == program).map_or(Tally::default(), |(_, tally)| *tally)
        };
        let mut latencies = self.latencies;
        latencies.iter_mut().zip(&earlier.latencies).for_each(|(latency, earlier)| *latency = latency.since(earlier));
        Self {
            time: self.time.saturating_sub(earlier.time),
            tallies: self.tallies.iter().filter_map(tally).collect(),
            no_room: self.no_room.iter().map(|(program, tally)| (*program, tally.since(no_room(*program)))).collect(),
            filtered: counts(&self.filtered, &earlier.filtered),
            missed: counts(&self.missed, &earlier.missed),
            latencies,
        }
    }

    /// Returns what became of the events of each program.
    pub(crate) fn ledger(&self) -> Vec<ProgramAccount> {
        let count = |counts: &[(Program, u64)], program| {
            counts.iter().find(|(known, _)| *known == program).map_or(0, |(_, count)| *count)
        };
        let account = |(program, no_room): &(Program, Tally)| {
            let counted = self
                .tallies
                .iter()
                .filter(|(key, _)| key.program == *program as u8)
                .map(|(_, tally)| tally.events)
                .sum();
            let filtered = count(&self.filtered, *program);
            ProgramAccount {
                program: program.name(),
                seen: counted + no_room.events + filtered,
                counted,
                no_room: no_room.events,
                filtered,
                missed: count(&self.missed, *program),
            }
        };
        self.no_room.iter().map(account).collect()
    }
}

/// What became of the events of one program: seen = counted + `no_room` + filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct ProgramAccount {
    /// The name of the program; empty for all programs together.
    pub program: &'static str,
    /// The number of events for which the program ran.
    pub seen: u64,
    /// The number of events in the rows of tables.
    pub counted: u64,
    /// The number of events that are in the totals only, because the map had no room for their combination of columns.
    pub no_room: u64,
    /// The number of events that the filter kept out.
    pub filtered: u64,
    /// The number of times that the kernel did not run the program.
    pub missed: u64,
}

impl ProgramAccount {
    /// Returns the sums of several programs.
    pub fn total(accounts: &[Self]) -> Self {
        accounts.iter().fold(Self::default(), |sum, account| Self {
            program: "",
            seen: sum.seen + account.seen,
            counted: sum.counted + account.counted,
            no_room: sum.no_room + account.no_room,
            filtered: sum.filtered + account.filtered,
            missed: sum.missed + account.missed,
        })
    }
}
