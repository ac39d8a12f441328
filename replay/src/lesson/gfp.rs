//! The lessons about GFP masks: rows T11 to T14.

use reference::{Context, Generation, GfpTable};

use super::{
    error::LessonError,
    script::{CPU, Script, outcome, x86_32, zone_name},
};

#[expect(clippy::unnecessary_wraps, reason = "all lessons have one shape")]
pub(super) fn action_modifiers(s: &mut Script) -> Result<(), LessonError> {
    let (then, now) = (GfpTable::of(Generation::Textbook), GfpTable::of(Generation::V6_18));
    s.say("Action modifiers say what the kernel may do for the request. Their numbers have moved, some names too:");
    let rows = [
        ("__GFP_WAIT", "__GFP_RECLAIM", "the caller can sleep: reclaim, and wake kswapd"),
        ("__GFP_HIGH", "__GFP_HIGH", "urgent: may dip into the emergency pool"),
        ("__GFP_IO", "__GFP_IO", "reclaim may start disk I/O"),
        ("__GFP_FS", "__GFP_FS", "reclaim may call file systems"),
        ("__GFP_COLD", "", "a page that is not in the cache is preferred"),
        ("__GFP_NOWARN", "__GFP_NOWARN", "no warning on failure"),
        ("__GFP_REPEAT", "__GFP_RETRY_MAYFAIL", "try hard, may fail"),
        ("__GFP_NOFAIL", "__GFP_NOFAIL", "try for ever"),
        ("__GFP_NORETRY", "__GFP_NORETRY", "give up after one round"),
        ("__GFP_NOMEMALLOC", "__GFP_NOMEMALLOC", "keep off the emergency pool"),
        ("__GFP_HARDWALL", "__GFP_HARDWALL", "stay within the task's cpuset"),
        ("__GFP_RECLAIMABLE", "__GFP_RECLAIMABLE", "the page belongs to a cache that can shrink"),
        ("__GFP_COMP", "__GFP_COMP", "a compound page"),
    ];
    s.say(format!("  {:<27} {:<30} meaning", "2.6.34", "6.18"));
    for (old, new, meaning) in rows {
        let show = |table: &GfpTable, name| {
            table.mask(name).map_or_else(|| "gone".to_owned(), |mask| format!("{name} {mask:#x}"))
        };
        s.say(format!("  {:<27} {:<30} {meaning}", show(&then, old), show(&now, new)));
    }
    Ok(())
}

pub(super) fn zone_modifiers(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_32();
    s.say("Zone modifiers say where the memory may come from; none means NORMAL, or DMA if need be. On x86-32:");
    for mask in ["GFP_KERNEL", "GFP_KERNEL|__GFP_DMA", "GFP_KERNEL|__GFP_HIGHMEM", "GFP_KERNEL|__GFP_DMA|__GFP_HIGHMEM"]
    {
        let got = mm.alloc_page(mm.mask(mask), CPU);
        let text = match got {
            Ok(pfn) => zone_name(&mm.pages, pfn)?.to_owned(),
            Err(error) => format!("refused: {error}"),
        };
        s.call(format!("alloc_page({mask})"), text);
    }
    let high = mm.mask("GFP_HIGHUSER");
    s.say("Calls that return an address cannot take high memory:");
    s.call("kmalloc(100, GFP_HIGHUSER)", outcome(mm.kmalloc(100, high, CPU)));
    s.call("__get_free_page(GFP_HIGHUSER)", outcome(mm.get_free_page(high, CPU)));
    Ok(mm.validate()?)
}

#[expect(clippy::unnecessary_wraps, reason = "all lessons have one shape")]
pub(super) fn type_flags(s: &mut Script) -> Result<(), LessonError> {
    const NAMES: [&str; 8] =
        ["GFP_ATOMIC", "GFP_NOWAIT", "GFP_NOIO", "GFP_NOFS", "GFP_KERNEL", "GFP_USER", "GFP_HIGHUSER", "GFP_DMA"];
    let tables = Generation::ALL.map(|generation| (generation.name(), GfpTable::of(generation)));
    let masks = |table: &GfpTable| NAMES.map(|name| table.mask(name));
    for generation in tables.chunk_by(|(_, a), (_, b)| masks(a) == masks(b)) {
        let kernels: Vec<_> = generation.iter().map(|(name, _)| *name).collect();
        s.say(format!("{}:", kernels.join(" and ")));
        let table = &generation[0].1;
        for name in NAMES {
            if let Some(mask) = table.mask(name) {
                s.mask(table, name, mask);
            }
        }
    }
    s.say("GFP_USER says nothing of zeros: it is __GFP_ZERO that clears a page, whatever the rest of the mask.");
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "all lessons have one shape")]
pub(super) fn which_flag_when(s: &mut Script) -> Result<(), LessonError> {
    let table = GfpTable::of(Generation::V6_18);
    let contexts = [
        ("process context", Context::Process),
        ("interrupt, softirq, spinlock held", Context::Atomic),
        ("block layer", Context::Block),
        ("file system", Context::FileSystem),
    ];
    for (name, context) in contexts {
        s.say(format!("{name}:"));
        for mask in ["GFP_KERNEL", "GFP_NOFS", "GFP_NOIO", "GFP_ATOMIC"] {
            if let Some(gfp) = table.mask(mask) {
                let why = table.explain(gfp);
                let verdict = why.verdict(context).reason().map_or("allowed".to_owned(), |why| format!("a bug: {why}"));
                let remark = why.remarks(context).first().map_or(String::new(), |r| format!(" — but {r}"));
                s.call(mask, format!("{verdict}{remark}"));
            }
        }
    }
    if let Some(gfp) = table.mask("GFP_DMA") {
        s.call("GFP_DMA alone, in process context", table.explain(gfp).remarks(Context::Process).join("; "));
    }
    Ok(())
}
