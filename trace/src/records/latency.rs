//! How long the kernel takes to free pages: histograms that the counting eBPF programs fill.

/// What took the time of a histogram. The number is the index of the histogram in the programs' map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Wait {
    /// direct reclaim, in which an allocation has to free pages itself
    DirectReclaim = 0,
    /// compaction of a zone for an allocation, or because user space asked for it
    Compaction = 1,
    /// compaction of a zone by the kernel's own thread, `kcompactd`
    Kcompactd = 2,
}

impl Wait {
    /// All of them, by number.
    pub const ALL: [Self; 3] = [Self::DirectReclaim, Self::Compaction, Self::Kcompactd];

    /// Its name in reports and JSON keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DirectReclaim => "direct_reclaim",
            Self::Compaction => "compaction",
            Self::Kcompactd => "kcompactd",
        }
    }
}

/// How long something took each time, as a histogram by powers of two of ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Latency {
    /// times that are in the histogram
    pub count: u64,
    /// their sum in ns
    pub total_ns: u64,
    /// the longest of them in ns
    pub max_ns: u64,
    /// ends whose beginning was not seen, and which are not in the histogram
    pub unpaired: u64,
    /// `buckets[b]` is the number of times of at least 2^b ns, but less than 2^(b+1) ns
    pub buckets: [u64; Self::BUCKETS],
}

impl Latency {
    /// Number of buckets; the last one holds all times from 2^43 ns on, which is over two hours.
    pub const BUCKETS: usize = 44;
    /// How many words of 8 bytes it has as a map's value.
    pub const WORDS: usize = size_of::<Self>() / 8;
    /// The histogram of no times.
    pub const NONE: Self = Self { count: 0, total_ns: 0, max_ns: 0, unpaired: 0, buckets: [0; Self::BUCKETS] };

    /// Adds a time.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.count += 1;
        self.total_ns += ns;
        self.max_ns = self.max_ns.max(ns);
        let bucket = (u64::BITS - 1 - (ns | 1).leading_zeros()) as usize;
        // The verifier has to see that the index stays inside.
        if let Some(bucket) = self.buckets.get_mut(if bucket < Self::BUCKETS { bucket } else { Self::BUCKETS - 1 }) {
            *bucket += 1;
        }
    }

    /// Adds the times of another CPU.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.total_ns += other.total_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
        self.unpaired += other.unpaired;
        self.buckets.iter_mut().zip(other.buckets).for_each(|(bucket, other)| *bucket += other);
    }

    /// The times since an earlier state of the same histogram. The longest cannot be told for a part, and stays that of
    /// the whole.
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
