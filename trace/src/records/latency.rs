//! How long the kernel takes to free pages: histograms that the counting eBPF programs fill.

/// The operation whose duration a histogram holds. The number is the index of the histogram in the programs' map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Wait {
    /// Direct reclaim, in which an allocation has to free pages itself.
    DirectReclaim = 0,
    /// Compaction of a zone for an allocation, or because user space asked for it.
    Compaction = 1,
    /// Compaction of a zone by the kernel's own thread, `kcompactd`.
    Kcompactd = 2,
}

impl Wait {
    /// All operations, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::DirectReclaim, Self::Compaction, Self::Kcompactd];

    /// Returns the operation's name in reports and JSON keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DirectReclaim => "direct_reclaim",
            Self::Compaction => "compaction",
            Self::Kcompactd => "kcompactd",
        }
    }
}

/// A histogram of the durations of one operation, by powers of two of ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Latency {
    /// The number of durations in the histogram.
    pub count: u64,
    /// The sum of the durations, in ns.
    pub total_ns: u64,
    /// The longest duration, in ns.
    pub max_ns: u64,
    /// The number of ends whose beginning was not seen, and which are therefore not in the histogram.
    pub unpaired: u64,
    /// The buckets: `buckets[b]` is the number of durations of at least 2^b ns, but less than 2^(b+1) ns.
    pub buckets: [u64; Self::BUCKETS],
}

impl Latency {
    /// The number of buckets. The last bucket holds all durations from 2^43 ns (over two hours) on.
    pub const BUCKETS: usize = 44;
    /// The size of a histogram as a map's value, in words of 8 bytes.
    pub const WORDS: usize = size_of::<Self>() / 8;
    /// The histogram without any duration.
    pub const NONE: Self = Self { count: 0, total_ns: 0, max_ns: 0, unpaired: 0, buckets: [0; Self::BUCKETS] };

    /// Adds a duration in ns.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.count += 1;
        self.total_ns += ns;
        self.max_ns = self.max_ns.max(ns);
        let bucket = (u64::BITS - 1 - (ns | 1).leading_zeros()) as usize;
        // The verifier has to see that the index stays inside the array.
        if let Some(bucket) = self.buckets.get_mut(if bucket < Self::BUCKETS { bucket } else { Self::BUCKETS - 1 }) {
            *bucket += 1;
        }
    }

    /// Adds the durations that another CPU has measured.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.total_ns += other.total_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
        self.unpaired += other.unpaired;
        self.buckets.iter_mut().zip(other.buckets).for_each(|(bucket, other)| *bucket += other);
    }

    /// Returns the durations that were added since an earlier state of the same histogram. The histogram does not hold
    /// the longest of a part of the durations, so `max_ns` stays that of all.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        self.count -= earlier.count.min(self.count);
        self.total_ns -= earlier.total_ns.min(self.total_ns);
        self.unpaired -= earlier.unpaired.min(self.unpaired);
        self.buckets.iter_mut().zip(earlier.buckets).for_each(|(bucket, earlier)| *bucket -= earlier.min(*bucket));
        self
    }
}

impl From<[u64; Self::WORDS]> for Latency {
    fn from([count, total_ns, max_ns, unpaired, rest @ ..]: [u64; Self::WORDS]) -> Self {
        Self { count, total_ns, max_ns, unpaired, buckets: rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_fall_into_their_power_of_two() {
        let mut latency = Latency::NONE;
        for ns in [0, 1, 2, 3, 1023, 1024, u64::MAX] {
            latency.total_ns = 0; // the last one would overflow it
            latency.record(ns);
        }
        let filled: Vec<_> = latency
            .buckets
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(bucket, count)| (bucket, *count))
            .collect();
        assert_eq!(filled, [(0, 2), (1, 2), (9, 1), (10, 1), (43, 1)]);
        assert_eq!((latency.count, latency.max_ns), (7, u64::MAX));
    }
}
