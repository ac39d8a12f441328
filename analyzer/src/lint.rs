//! Illegal and suspicious requests for pages, judged by their GFP mask and order.

use trace::{GfpTable, Header, Trace};

use crate::{
    Error, Events, Key, Loss, Stat,
    frames::Progress,
    gfp,
    stat::{self, Counts},
    table::{Cell, Table, Unit},
};

/// The kernel's `PAGE_ALLOC_COSTLY_ORDER`: above it, it gives up sooner by itself. The same in every release since 2.6.
const COSTLY_ORDER: i64 = 3;

/// A request as the rules see it.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    header: &'a Header,
    mask: u32,
    order: i64,
    counts: Counts,
}

impl Request<'_> {
    fn has(&self, name: &str) -> bool {
        has(&self.header.gfp, self.mask, name)
    }
}

fn has(table: &GfpTable, mask: u32, name: &str) -> bool {
    table.mask(name).is_some_and(|bits| bits != 0 && mask & bits == bits)
}

/// A rule: when a request is worth a look, why, and what to do.
struct Rule {
    name: &'static str,
    severity: &'static str,
    applies: fn(&Request<'_>) -> bool,
    advice: &'static str,
}

const RULES: [Rule; 6] = [
    Rule {
        name: "failed",
        severity: "error",
        applies: |request| request.counts.failures > 0,
        advice: "the kernel had no pages to give: look at fragmentation if the order is high, at the watermarks if the request cannot sleep",
    },
    Rule {
        name: "impossible-mask",
        severity: "error",
        applies: |request| !gfp::explain(&request.header.gfp, request.mask).complaints.is_empty(),
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
        name: "dma-zone",
        severity: "warning",
        applies: |request| request.has("__GFP_DMA") && request.header.architecture.contains("64"),
        advice: "ZONE_DMA is tiny and few devices need it on a 64-bit machine: use the DMA API with the device's mask",
    },
];

/// What a rule found: one kind of request by one sort of process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// name of the rule
    pub rule: &'static str,
    /// "error" or "warning"
    pub severity: &'static str,
    /// the mask in words
    pub gfp: String,
    /// the order
    pub order: i64,
    /// name of the threads that asked
    pub comm: String,
    /// requests, failed ones included
    pub requests: i64,
    /// what to do
    pub advice: &'static str,
}

/// What requests are told apart by.
pub const KEYS: [Key; 3] = [Key::Gfp, Key::Order, Key::Comm];

/// Applies every rule to every sort of request in the trace.
///
/// # Errors
/// If the columns are not what the format says.
pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<(Vec<Finding>, Loss), Error> {
    let (stat, loss) = stat::stat(trace, Events::Page, &KEYS, progress)?;
    Ok((findings(&trace.header, &stat), loss))
}

/// Applies every rule to a statistic by [`KEYS`].
pub fn findings(header: &Header, stat: &Stat) -> Vec<Finding> {
    let mut findings = Vec::new();
    for group in &stat.groups {
        let [(mask, gfp), (order, _), (_, comm)] = &group.values[..] else { continue };
        let counts = group.counts;
        if counts.allocs + counts.failures == 0 {
            continue;
        }
        let request = Request { header, mask: *mask as u32, order: *order, counts };
        for rule in RULES.iter().filter(|rule| (rule.applies)(&request)) {
            let requests = if rule.name == "failed" { counts.failures } else { counts.allocs + counts.failures };
            let (gfp, comm) = (gfp.clone(), comm.clone());
            findings.push(Finding { rule: rule.name, severity: rule.severity, gfp, order: *order, comm, requests, advice: rule.advice });
        }
    }
    findings.sort_by(|a, b| (a.severity, -a.requests).cmp(&(b.severity, -b.requests)));
    findings
}

/// The findings as a table.
pub fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new("Illegal and suspicious requests for pages");
    table.column("severity", "Severity", Unit::Text).column("rule", "Rule", Unit::Text).column("requests", "Requests", Unit::Count);
    table.column("order", "Order", Unit::Number).column("gfp", "GFP flags", Unit::Text).column("comm", "Process name", Unit::Text);
    table.hidden("advice", "What to do", Unit::Text);
    for finding in findings {
        let text = |text: &str| Cell::Text(text.to_owned());
        let (requests, order) = (Cell::Integer(finding.requests), Cell::Integer(finding.order));
        table.row(vec![text(finding.severity), text(finding.rule), requests, order, text(&finding.gfp), text(&finding.comm), text(finding.advice)]);
    }
    for rule in RULES.iter().filter(|rule| findings.iter().any(|finding| finding.rule == rule.name)) {
        table.note(format!("{}: {}", rule.name, rule.advice));
    }
    table
}

#[cfg(test)]
mod tests {
    use trace::{Clock, Tool};

    use super::*;

    fn header(gfp: GfpTable) -> Header {
        Header {
            format: Header::FORMAT,
            tool: Tool { name: String::new(), version: String::new(), command: vec![] },
            host: String::new(),
            kernel: String::new(),
            architecture: "x86_64".into(),
            boot_id: String::new(),
            clock: Clock { name: String::new(), utc_offset_ns: 0, start_ns: 0, end_ns: 0 },
            page_size: 4096,
            pageblock_order: 9,
            nr_orders: 11,
            cpu_node: vec![],
            zones: vec![],
            migratetypes: vec![],
            gfp,
            kinds: Header::kinds(),
            tracepoints: [].into(),
            options: [].into(),
            sample: 1,
            raw_addresses: false,
            objects_are_physical: false,
            finished: None,
        }
    }

    fn broken(mask: u32, order: i64, failures: i64) -> Vec<&'static str> {
        let bits = [
            ("__GFP_DMA", 0x1),
            ("__GFP_HIGHMEM", 0x2),
            ("__GFP_DMA32", 0x4),
            ("__GFP_HIGH", 0x20),
            ("__GFP_IO", 0x40),
            ("__GFP_FS", 0x80),
            ("__GFP_DIRECT_RECLAIM", 0x400),
            ("__GFP_KSWAPD_RECLAIM", 0x800),
            ("__GFP_NOWARN", 0x2000),
            ("__GFP_NOFAIL", 0x8000),
            ("__GFP_NORETRY", 0x1_0000),
        ];
        let gfp = GfpTable::new(bits.into_iter().map(|(name, bit)| (name.to_owned(), bit)).collect());
        let header = header(gfp);
        let request = Request { header: &header, mask, order, counts: Counts { allocs: 1, failures, ..Counts::default() } };
        RULES.iter().filter(|rule| (rule.applies)(&request)).map(|rule| rule.name).collect()
    }

    #[test]
    fn every_rule_has_a_request_that_breaks_it_and_one_that_does_not() {
        type Case = (u32, i64, i64);
        let kernel = 0xcc0;
        let cases: [(&str, Case, Case); 6] = [
            ("failed", (kernel, 0, 1), (kernel, 0, 0)),
            ("impossible-mask", (0x5, 0, 0), (0x4, 0, 0)),
            ("nofail-high-order", (kernel | 0x8000, 2, 0), (kernel | 0x8000, 1, 0)),
            ("costly-order", (kernel, 4, 0), (kernel | 0x1_0000, 4, 0)),
            ("atomic-high-order", (0x820, 1, 0), (0x2820, 1, 0)),
            ("dma-zone", (kernel | 0x1, 0, 0), (kernel | 0x4, 0, 0)),
        ];
        assert_eq!(cases.len(), RULES.len());
        for (rule, (mask, order, failures), (other_mask, other_order, other_failures)) in cases {
            assert!(broken(mask, order, failures).contains(&rule), "{rule}");
            assert!(!broken(other_mask, other_order, other_failures).contains(&rule), "{rule}");
        }
        assert_eq!(broken(kernel, 3, 0), Vec::<&str>::new(), "an ordinary request");
    }
}
