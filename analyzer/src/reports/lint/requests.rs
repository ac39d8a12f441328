//! The rules for requests for pages: each judges a GFP mask and an order.

use trace::Header;

use super::finding::Finding;
use crate::{
    Key,
    aggregate::groups::{Counts, Grouping},
    decode::key::UNKNOWN,
};

/// The kernel's `PAGE_ALLOC_COSTLY_ORDER` (include/linux/mmzone.h): above it, the allocator gives up sooner by itself.
/// It is the same in every release since 2.6.
const COSTLY_ORDER: i64 = 3;

/// Requests per second that may use the reserves: more of one sort empty a zone's min watermark (some thousand pages)
/// within seconds.
const STORM: f64 = 2000.0;

/// One sort of request, as the rules see it: those that have the mask and the order in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    header: &'a Header,
    mask: u32,
    order: i64,
    counts: Counts,
}

impl Request<'_> {
    /// Returns whether the mask has a flag, by its name.
    fn has(&self, name: &str) -> bool {
        self.header.gfp.has(self.mask, name)
    }
}

/// A rule: when a request is worth a look, and what to do then.
pub(super) struct Rule {
    pub name: &'static str,
    severity: &'static str,
    applies: fn(&Request<'_>) -> bool,
    advice: &'static str,
}

pub(super) const RULES: [Rule; 8] = [
    Rule {
        name: "failed",
        severity: "error",
        applies: |request| request.counts.failures > request.counts.refusals,
        advice: "the kernel had no pages to give: look at fragmentation if the order is high, at the watermarks if the request cannot sleep",
    },
    Rule {
        name: "over-limit",
        severity: "error",
        applies: |request| request.counts.refusals > 0,
        advice: "there were pages, but the task's memory cgroup was at its limit: raise memory.max, or find what fills the cgroup",
    },
    Rule {
        name: "impossible-mask",
        severity: "error",
        applies: |request| !request.header.gfp.explain(request.mask).complaints.is_empty(),
        advice: "flags that contradict one another: `analyzer gfp` says which",
    },
    Rule {
        name: "nofail-high-order",
        severity: "error",
        applies: |request| request.has("__GFP_NOFAIL") && request.order > 1,
        advice: "__GFP_NOFAIL above order 1 may loop for ever: allow failure, or use kvmalloc",
    },
    Rule {
        name: "costly-order",
        severity: "warning",
        applies: |request| {
            let gives_up = request.has("__GFP_NORETRY") || request.has("__GFP_RETRY_MAYFAIL");
            request.order > COSTLY_ORDER && request.has("__GFP_DIRECT_RECLAIM") && !gives_up
        },
        advice: "above order 3 say how hard to try: __GFP_NORETRY or __GFP_RETRY_MAYFAIL, with a fallback to smaller pieces",
    },
    Rule {
        name: "atomic-high-order",
        severity: "warning",
        applies: |request| request.order > 0 && !request.has("__GFP_DIRECT_RECLAIM") && !request.has("__GFP_NOWARN"),
        advice: "it cannot wait for reclaim or compaction, so it is the first to fail on a fragmented host: use order 0, or preallocate",
    },
    Rule {
        name: "atomic-storm",
        severity: "warning",
        applies: |request| {
            let rate = (request.counts.allocs + request.counts.failures) as f64 / request.header.duration_s().max(1e-9);
            request.has("__GFP_HIGH") && !request.has("__GFP_DIRECT_RECLAIM") && rate > STORM
        },
        advice: "so many requests that may use the reserves and cannot wait drain them: allocate in process context, or from a mempool",
    },
    Rule {
        name: "dma-zone",
        severity: "warning",
        applies: |request| request.has("__GFP_DMA") && request.header.architecture.contains("64"),
        advice: "ZONE_DMA is tiny and few devices need it on a 64-bit machine: use the DMA API with the device's mask",
    },
];

/// The keys that requests are told apart by.
pub const KEYS: [Key; 3] = [Key::Gfp, Key::Order, Key::Comm];
/// [`KEYS`], and who asked, where a stack tells.
pub const KEYS_AND_CALLER: [Key; 4] = [Key::Gfp, Key::Order, Key::Comm, Key::Callsite];

/// Applies the rules to requests grouped by [`KEYS`]; those grouped by [`KEYS_AND_CALLER`] say who asked most.
pub(super) fn findings(header: &Header, requests: &Grouping, callers: &Grouping) -> Vec<Finding> {
    let mut findings = Vec::new();
    for group in &requests.groups {
        let [(mask, gfp), (order, _), (_, comm)] = &group.values[..] else { continue };
        let counts = group.counts;
        if counts.allocs + counts.failures == 0 {
            continue;
        }
        let request = Request { header, mask: *mask as u32, order: *order, counts };
        for rule in RULES.iter().filter(|rule| (rule.applies)(&request)) {
            let of_group = callers
                .groups
                .iter()
                .filter(|caller| caller.values[..3] == group.values[..] && caller.values[3].0 != UNKNOWN);
            let callsite = of_group
                .max_by_key(|caller| caller.counts.allocs + caller.counts.failures)
                .map_or("", |caller| &caller.values[3].1);
            findings.push(Finding {
                rule: rule.name,
                severity: rule.severity,
                gfp: gfp.clone(),
                order: Some(*order),
                comm: comm.clone(),
                callsite: callsite.to_owned(),
                count: match rule.name {
                    "failed" => counts.failures - counts.refusals,
                    "over-limit" => counts.refusals,
                    _ => counts.allocs + counts.failures,
                },
                example: String::new(),
                advice: rule.advice,
            });
        }
    }
    findings
}
