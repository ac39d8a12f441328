//! Illegal and suspicious requests for pages, judged by their GFP mask and order; and frees that do not fit what was
//! allocated.

use trace::{Header, Trace};

use crate::{
    Error, Key, Loss, Names, Stat,
    cube::Cube,
    frames::Progress,
    gfp,
    matched::{Actor, UNKNOWN},
    misuse::{Case, Frees, Misuse},
    objects, pages,
    stat::Counts,
    table::{Cell, Table, Unit},
    units,
};

/// The kernel's `PAGE_ALLOC_COSTLY_ORDER`: above it, it gives up sooner by itself. The same in every release since 2.6.
const COSTLY_ORDER: i64 = 3;

/// Requests per second that may use the reserves: more of one sort empty a zone's min watermark (some thousand pages)
/// within seconds.
const STORM: f64 = 2000.0;

/// What is said about frees that do not fit: name, severity, advice.
const fn about(misuse: Misuse) -> (&'static str, &'static str, &'static str) {
    match misuse {
        Misuse::Larger => (
            "free-larger",
            "error",
            "more pages were freed than had been allocated at once: the order of the free is wrong, or the block was never one",
        ),
        Misuse::Twice => (
            "double-free",
            "warning",
            "freed again, and no allocation in between was seen: a double free, unless it was allocated in bulk or taken over by migration, which the kernel does not trace",
        ),
        Misuse::Smaller => (
            "free-in-parts",
            "note",
            "fewer pages were freed than had been allocated at once: right after split_page or the split of a huge page only",
        ),
        Misuse::Unknown => (
            "free-without-alloc",
            "note",
            "no allocation was seen: right for what is older than the trace, and for bulk allocations, which the kernel does not trace",
        ),
    }
}

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
        gfp::has(&self.header.gfp, self.mask, name)
    }
}

/// A rule: when a request is worth a look, why, and what to do.
struct Rule {
    name: &'static str,
    severity: &'static str,
    applies: fn(&Request<'_>) -> bool,
    advice: &'static str,
}

const RULES: [Rule; 8] = [
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

/// What a rule found: one kind of request or free by one sort of process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// name of the rule
    pub rule: &'static str,
    /// "error", "warning" or "note"
    pub severity: &'static str,
    /// the mask in words; empty for a free
    pub gfp: String,
    /// the order; `None` for an object
    pub order: Option<i64>,
    /// name of the threads that asked or freed
    pub comm: String,
    /// where in the kernel, as far as known
    pub callsite: String,
    /// requests, failed ones included; or frees
    pub count: i64,
    /// one of them: the first frame or the object, and when
    pub example: String,
    /// what to do
    pub advice: &'static str,
}

/// What requests are told apart by.
pub const KEYS: [Key; 3] = [Key::Gfp, Key::Order, Key::Comm];
/// The same with who asked, where a stack tells.
pub const KEYS_AND_CALLER: [Key; 4] = [Key::Gfp, Key::Order, Key::Comm, Key::Callsite];

/// Applies every rule to every sort of request in the trace, and to every free.
///
/// # Errors
/// If the columns are not what the format says.
pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<(Vec<Finding>, Loss), Error> {
    let mut loss = Loss::read(trace);
    let names = Names::read(trace, &mut loss.problems);
    let mut cube = Cube::new(&[&KEYS, &KEYS_AND_CALLER], &names);
    let (mut pages, mut objects) = (Frees::new(trace.header.page_size), Frees::new(0));
    loss.add(pages::observe(&names, trace, progress, &mut [&mut cube, &mut pages])?);
    loss.add(objects::observe(&names, trace, progress, &mut [&mut objects])?);
    let [requests, callers] = &cube.finish()?[..] else { unreachable!("two statistics were asked for") };
    let mut findings = requests_of(&trace.header, requests, callers);
    findings.extend(frees_of(&pages, "frame", &names));
    findings.extend(frees_of(&objects, "object", &names));
    sort(&mut findings);
    Ok((findings, loss))
}

/// Errors first, then what happened most.
fn sort(findings: &mut [Finding]) {
    let rank = |severity: &str| ["error", "warning", "note"].iter().position(|known| *known == severity);
    findings.sort_by_key(|finding| (rank(finding.severity), -finding.count));
}

/// Applies the rules to a statistic by [`KEYS`]; the one by [`KEYS_AND_CALLER`] says who asked most.
pub fn findings(header: &Header, requests: &Stat, callers: &Stat) -> Vec<Finding> {
    let mut findings = requests_of(header, requests, callers);
    sort(&mut findings);
    findings
}

fn requests_of(header: &Header, requests: &Stat, callers: &Stat) -> Vec<Finding> {
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

fn frees_of(frees: &Frees, what: &str, names: &Names<'_>) -> Vec<Finding> {
    let finding = |((misuse, actor, order), case): (&(Misuse, Actor, i64), &Case)| {
        let (rule, severity, advice) = about(*misuse);
        let since = units::duration(case.time.saturating_sub(names.header.clock.start_ns) as f64);
        Finding {
            rule,
            severity,
            gfp: String::new(),
            order: (*order != UNKNOWN).then_some(*order),
            comm: names.comm(names.tasks.named(actor.task).comm),
            callsite: if [0, UNKNOWN].contains(&actor.callsite) {
                String::new()
            } else {
                names.callsite(actor.callsite.cast_unsigned())
            },
            count: case.count,
            example: format!("{what} {:#x} at {since}", case.address),
            advice,
        }
    };
    frees.cases.iter().map(finding).collect()
}

/// The findings as a table.
pub fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new("Illegal and suspicious requests and frees");
    table.column("severity", "Severity", Unit::Text).column("rule", "Rule", Unit::Text).column(
        "count",
        "Count",
        Unit::Count,
    );
    table.column("order", "Order", Unit::Number).column("gfp", "GFP flags", Unit::Text).column(
        "comm",
        "Process name",
        Unit::Text,
    );
    table.column("callsite", "Call site", Unit::Text).column("example", "Example", Unit::Text);
    table.hidden("advice", "What to do", Unit::Text);
    for finding in findings {
        let text = |text: &str| Cell::Text(text.to_owned());
        table.row(vec![
            text(finding.severity),
            text(finding.rule),
            Cell::Integer(finding.count),
            finding.order.map_or(Cell::None, Cell::Integer),
            text(&finding.gfp),
            text(&finding.comm),
            text(&finding.callsite),
            text(&finding.example),
            text(finding.advice),
        ]);
    }
    let mut told = Vec::new();
    for finding in findings {
        if !told.contains(&finding.rule) {
            told.push(finding.rule);
            table.note(format!("{}: {}", finding.rule, finding.advice));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use trace::{Clock, GfpTable, Kind, NO_PFN, PageEvent, SlabEvent, Writer};

    use super::*;

    fn header(gfp: GfpTable) -> Header {
        Header {
            architecture: "x86_64".into(),
            clock: Clock { name: String::new(), utc_offset_ns: 0, start_ns: 0, end_ns: 1_000_000_000 },
            gfp,
            finished: Some("end of test".into()),
            ..Header::default()
        }
    }

    /// What happens to the pages, or to the objects, of a made-up trace.
    #[derive(Clone, Copy)]
    enum Step {
        /// GFP mask, order, frame
        Alloc(u32, u8, u64),
        /// GFP mask, order
        Fail(u32, u8),
        /// order, frame
        Free(u8, u64),
        /// object
        Kmalloc(u64),
        /// object
        Kfree(u64),
    }
    use Step::{Alloc, Fail, Free, Kfree, Kmalloc};

    /// The rules that a trace of these steps breaks, in a second.
    fn broken(steps: &[Step]) -> Vec<&'static str> {
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
            ("__GFP_ACCOUNT", 0x40_0000),
        ];
        let header = header(GfpTable::new(bits.into_iter().map(|(name, bit)| (name.to_owned(), bit)).collect()));
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path(), &header, trace::Options::default()).unwrap();
        let (mut pages, mut objects) = (Vec::new(), Vec::new());
        let mut page = |time, kind: Kind, order, pfn, gfp| {
            let kind = kind as u8;
            pages.push(PageEvent {
                time,
                pid: 1,
                cpu: 0,
                kind,
                order,
                pfn,
                gfp,
                migratetype: 0,
                zone: trace::UNKNOWN_ZONE,
                stack: 0,
            });
        };
        let mut object = |time, kind: Kind, object, bytes| {
            let (kind, bytes_req, bytes_alloc) = (kind as u8, bytes, bytes);
            objects.push(SlabEvent {
                time,
                pid: 1,
                cpu: 0,
                kind,
                object,
                call_site: 0,
                bytes_req,
                bytes_alloc,
                gfp: 0,
                node: -1,
                cache: 0,
            });
        };
        for (time, step) in steps.iter().enumerate().map(|(at, step)| (at as u64, *step)) {
            match step {
                Alloc(gfp, order, pfn) => page(time, Kind::PageAlloc, order, pfn, gfp),
                Fail(gfp, order) => page(time, Kind::PageAlloc, order, NO_PFN, gfp),
                Free(order, pfn) => page(time, Kind::PageFree, order, pfn, 0),
                Kmalloc(at) => object(time, Kind::Kmalloc, at, 64),
                Kfree(at) => object(time, Kind::Kfree, at, 0),
            }
        }
        writer.append(&pages).unwrap();
        writer.append(&objects).unwrap();
        writer.finish(&header).unwrap();
        let (findings, loss) = read(&Trace::open(dir.path()).unwrap(), &crate::frames::silent).unwrap();
        assert_eq!(loss.problems, []);
        findings.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn every_rule_has_a_trace_that_breaks_it_and_one_that_does_not() {
        const KERNEL: u32 = 0xcc0;
        const ATOMIC: u32 = 0x820;
        const CHARGED: u32 = KERNEL | 0x40_0000;
        let storm = |requests: u64| (0..requests).map(|pfn| Alloc(ATOMIC, 0, pfn)).collect::<Vec<_>>();
        let one = |gfp, order| vec![Alloc(gfp, order, 1024)];
        let cases: [(&str, Vec<Step>, Vec<Step>); 16] = [
            ("failed", vec![Fail(KERNEL, 0)], one(KERNEL, 0)),
            ("failed", vec![Fail(CHARGED, 0)], vec![Free(0, 8), Fail(CHARGED, 0)]),
            ("over-limit", vec![Free(0, 8), Fail(CHARGED, 0)], vec![Free(0, 8), Fail(KERNEL, 0)]),
            (
                "over-limit",
                vec![Free(0, 8), Fail(CHARGED, 0)],
                vec![Alloc(CHARGED, 0, 8), Free(0, 8), Fail(CHARGED, 0)],
            ),
            ("impossible-mask", one(0x5, 0), one(0x4, 0)),
            ("nofail-high-order", one(KERNEL | 0x8000, 2), one(KERNEL | 0x8000, 1)),
            ("costly-order", one(KERNEL, 4), one(KERNEL | 0x1_0000, 4)),
            ("costly-order", one(KERNEL, 4), one(KERNEL, 3)),
            ("atomic-high-order", one(ATOMIC, 1), one(ATOMIC | 0x2000, 1)),
            ("atomic-storm", storm(2500), storm(1500)),
            ("dma-zone", one(KERNEL | 0x1, 0), one(KERNEL | 0x4, 0)),
            (
                "free-larger",
                vec![Alloc(KERNEL, 0, 8), Alloc(KERNEL, 0, 9), Free(1, 8)],
                vec![Alloc(KERNEL, 1, 8), Free(1, 8)],
            ),
            (
                "free-in-parts",
                vec![Alloc(KERNEL, 1, 8), Free(0, 8), Free(0, 9)],
                vec![Alloc(KERNEL, 0, 8), Alloc(KERNEL, 0, 9), Free(0, 8), Free(0, 9)],
            ),
            (
                "double-free",
                vec![Alloc(KERNEL, 0, 8), Free(0, 8), Free(0, 8)],
                vec![Alloc(KERNEL, 0, 8), Free(0, 8), Alloc(KERNEL, 0, 8), Free(0, 8)],
            ),
            (
                "double-free",
                vec![Kmalloc(0x1000), Kfree(0x1000), Kfree(0x1000)],
                vec![Kmalloc(0x1000), Kfree(0x1000), Kmalloc(0x1000), Kfree(0x1000)],
            ),
            (
                "free-without-alloc",
                vec![Free(0, 8), Kfree(0x1000)],
                vec![Alloc(KERNEL, 0, 8), Free(0, 8), Kmalloc(0x1000), Kfree(0x1000), Kfree(0)],
            ),
        ];
        let misuses = [Misuse::Larger, Misuse::Twice, Misuse::Smaller, Misuse::Unknown].map(|misuse| about(misuse).0);
        for rule in RULES.iter().map(|rule| rule.name).chain(misuses) {
            assert!(cases.iter().any(|(name, ..)| *name == rule), "{rule} has no case");
        }
        for (rule, breaking, innocent) in &cases {
            assert!(broken(breaking).contains(rule), "{rule}: {:?}", broken(breaking));
            assert!(!broken(innocent).contains(rule), "{rule}");
        }
        assert_eq!(
            broken(&[Alloc(KERNEL, 3, 8), Free(3, 8), Kmalloc(0x1000), Kfree(0x1000)]),
            Vec::<&str>::new(),
            "all in order"
        );
    }
}
