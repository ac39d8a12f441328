//! The number of pages that a CPU's lists hold, and the number that is moved at a time.

use crate::zone::PcpSizes;

/// `zone_batchsize` and `zone_highsize` of 5.13 and later: returns the sizes for a zone, from its managed pages, its
/// low mark in pages, and the number of CPUs of its node.
pub fn pcp_sizes(managed: u64, low_mark: u64, cpus: u16) -> PcpSizes {
    let cpus = u64::from(cpus.max(1));
    let b = ((managed >> 10).min(256) / 4).max(1);
    let batch = ((1 << (b + b / 2).ilog2()) - 1u64).max(1);
    let high = |pages: u64| (pages / cpus).max(4 * batch) as u32;
    PcpSizes { batch: batch as u32, high_min: high(low_mark), high_max: high(managed / 8) }
}

/// `zone_batchsize` of 2.6.34: returns the sizes for a zone of `present` pages. The batch is about a quarter of a
/// thousandth of the zone, with the thousandth at most half a megabyte; `high` is six batches.
pub fn pcp_sizes_textbook(present: u64) -> PcpSizes {
    let b = ((present / 1024).min(128) / 4).max(1);
    let batch = ((1u32 << (b + b / 2).ilog2()) - 1).max(1);
    PcpSizes { batch, high_min: 6 * batch, high_max: 6 * batch }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_batch_of_a_gigabyte_zone_is_31() {
        assert_eq!(pcp_sizes_textbook(262_144), PcpSizes { batch: 31, high_min: 186, high_max: 186 });
        assert_eq!(pcp_sizes_textbook(4000).batch, 1);
    }
}
