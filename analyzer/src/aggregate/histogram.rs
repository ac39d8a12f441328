//! A histogram of lifetimes, which is precise to 3.1 % for lifetimes of any length.

/// The number of buckets for each power of two. A bucket is at most 1/32 = 3.1 % wide.
const STEPS: u64 = 32;

/// The numbers of lifetimes in buckets, whose width grows with the lifetime.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    /// The number of all lifetimes.
    pub count: u64,
    /// The longest lifetime, in ns.
    pub longest: u64,
}

impl Histogram {
    /// Counts a lifetime of `ns` ns.
    pub(crate) fn add(&mut self, ns: u64) {
        let bucket = bucket(ns) as usize;
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.longest = self.longest.max(ns);
    }

    /// Returns the lifetime in ns that `fraction` of all lifetimes do not exceed. The result is at most 3.1 % too long.
    /// Returns `None` without lifetimes.
    pub fn percentile(&self, fraction: f64) -> Option<u64> {
        let rank = ((self.count as f64 * fraction).ceil() as u64).max(1);
        let mut seen = 0;
        self.filled().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| upper(bucket).min(self.longest))
        })
    }

    /// Returns lifetimes in ns, each with the share of all lifetimes that are not longer.
    pub fn cumulative(&self) -> Vec<(u64, f64)> {
        let mut seen = 0;
        let point = |(bucket, count)| {
            seen += count;
            (upper(bucket).min(self.longest), seen as f64 / self.count as f64)
        };
        self.filled().map(point).collect()
    }

    fn filled(&self) -> impl Iterator<Item = (u32, u64)> {
        self.buckets.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bucket, count)| (bucket as u32, *count))
    }
}

/// Returns the bucket of a number. Numbers below `STEPS` have a bucket each, and every power of two above has `STEPS`
/// buckets.
fn bucket(ns: u64) -> u32 {
    if ns < STEPS {
        return ns as u32;
    }
    let power = ns.ilog2() - STEPS.ilog2();
    (u64::from(power) * STEPS + (ns >> power)) as u32
}

/// Returns the greatest number in a bucket.
fn upper(bucket: u32) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < 2 * STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    ((((STEPS + bucket % STEPS) as u128 + 1) << power) - 1).min(u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_in_its_bucket_and_buckets_are_narrow() {
        for ns in (0..5000).chain([1 << 20, (1 << 40) + 12345, u64::MAX]) {
            let at = bucket(ns);
            assert!(upper(at) >= ns, "{ns}");
            assert!(upper(at) - ns <= ns / STEPS, "{ns}: {}", upper(at));
            assert!(at == 0 || upper(at - 1) < ns, "{ns}");
        }
    }

    #[test]
    fn percentiles_by_hand() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), None);
        (1..=10).for_each(|ns| histogram.add(ns));
        assert_eq!(
            [0.1, 0.5, 0.9, 0.99, 1.0].map(|fraction| histogram.percentile(fraction).unwrap()),
            [1, 5, 9, 10, 10]
        );
        assert_eq!(histogram.cumulative()[..2], [(1, 0.1), (2, 0.2)]);
        assert_eq!(histogram.cumulative().last(), Some(&(10, 1.0)));
    }
}
