//! Illegal and suspicious requests for pages, judged by their GFP mask and order; and frees that do not fit what was
//! allocated.

mod bad_frees;
mod finding;
mod requests;

use trace::{Header, Trace};

use self::bad_frees::BadFrees;
pub use self::{
    finding::{Finding, table},
    requests::{KEYS, KEYS_AND_CALLER},
};
use crate::{
    Error, Events, Loss, Names,
    aggregate::{accumulator::accumulate, group_by::GroupBy, groups::Grouping},
    read::batches::Progress,
};

/// Applies every rule to every sort of request in the trace, and to every free.
///
/// # Errors
/// If the columns are not what the format says.
pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<(Vec<Finding>, Loss), Error> {
    let mut loss = Loss::read(trace);
    let names = Names::read(trace, &mut loss.problems);
    let mut group_by = GroupBy::new(&[&KEYS, &KEYS_AND_CALLER], &names);
    let (mut pages, mut objects) = (BadFrees::new(trace.header.page_size), BadFrees::new(0));
    loss.add(accumulate(Events::Page, &names, trace, progress, &mut [&mut group_by, &mut pages])?);
    loss.add(accumulate(Events::Slab, &names, trace, progress, &mut [&mut objects])?);
    let [requests, callers] = &group_by.finish()?[..] else { unreachable!("two groupings were asked for") };
    let mut findings = requests::findings(&trace.header, requests, callers);
    findings.extend(bad_frees::findings(&pages, "frame", &names));
    findings.extend(bad_frees::findings(&objects, "object", &names));
    finding::sort(&mut findings);
    Ok((findings, loss))
}

/// Applies the rules for requests to those grouped by [`KEYS`]; those grouped by [`KEYS_AND_CALLER`] say who asked
/// most.
pub fn findings(header: &Header, requests: &Grouping, callers: &Grouping) -> Vec<Finding> {
    let mut findings = requests::findings(header, requests, callers);
    finding::sort(&mut findings);
    findings
}

#[cfg(test)]
mod tests {
    use trace::{Clock, GfpTable, Kind, NO_PFN, PageEvent, SlabEvent, Writer};

    use super::{
        bad_frees::{BadFree, about},
        requests::RULES,
        *,
    };
    use crate::read::batches::silent;

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
        let (findings, loss) = read(&Trace::open(dir.path()).unwrap(), &silent).unwrap();
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
        let bad_frees =
            [BadFree::Larger, BadFree::Twice, BadFree::Smaller, BadFree::Unknown].map(|bad_free| about(bad_free).0);
        for rule in RULES.iter().map(|rule| rule.name).chain(bad_frees) {
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
