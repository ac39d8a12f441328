//! How long the kernel took to make memory free: histograms that the eBPF programs fill.

/// Which of the histograms of how long the kernel took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Wait {
    /// direct reclaim: an allocation that has to free pages itself
    DirectReclaim = 0,
    /// compaction of a zone on behalf of an allocation, or of whoever asked for it
    Compaction = 1,
    /// compaction of a zone by the kernel's own thread
    Kcompactd = 2,
}

impl Wait {
    /// Every one, by number.
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

/// How long something took, each time: a histogram by powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Latency {
    /// how often it ended
    pub count: u64,
    /// all of them together
    pub total_ns: u64,
    /// the longest
    pub max_ns: u64,
    /// ends whose beginning was not seen: not in the histogram
    pub unpaired: u64,
    /// `buckets[b]`: those of 2^b ns or more, but less than 2^(b+1)
    pub buckets: [u64; Self::BUCKETS],
}

impl Latency {
    /// Number of buckets: the last one takes all from 2^43 ns, over two hours.
    pub const BUCKETS: usize = 44;
    /// As the words of a map's value.
    pub const WORDS: usize = size_of::<Self>() / 8;
    /// Nothing yet.
    pub const NONE: Self = Self { count: 0, total_ns: 0, max_ns: 0, unpaired: 0, buckets: [0; Self::BUCKETS] };

    /// Adds one.
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

    /// Adds those of another CPU.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.total_ns += other.total_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
        self.unpaired += other.unpaired;
        self.buckets.iter_mut().zip(other.buckets).for_each(|(bucket, other)| *bucket += other);
    }

    /// Those since an earlier look; the longest cannot be told for a part, and stays.
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
