//! The lessons about mappings: rows T10 and T17.

use reference::{Address, Context, Generation, Order, PAGE_SIZE};

use super::{
    error::LessonError,
    script::{CPU, Script, outcome, x86_32, x86_64},
};

pub(super) fn vmalloc(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_64(Generation::V6_18);
    let kernel = mm.mask("GFP_KERNEL");
    let mut pages = Vec::new();
    for _ in 0..32 {
        pages.push(mm.alloc_page(kernel, CPU)?);
    }
    for page in pages.iter().step_by(2) {
        mm.free_pages(*page, Order(0), CPU)?;
    }
    let area = mm.vmalloc(5 * PAGE_SIZE, kernel, CPU)?;
    s.call("vmalloc(20480)", area);
    for k in 0..6 {
        let at = Address(area.0 + k * PAGE_SIZE);
        s.call(
            at,
            mm.vmalloc.to_pfn(at).map_or_else(|| "nothing: the guard page".to_owned(), |pfn| format!("frame {pfn}")),
        );
    }
    s.call("vmalloc(4096) with GFP_ATOMIC", outcome(mm.vmalloc(4096, mm.mask("GFP_ATOMIC"), CPU)));
    s.call("vfree()", outcome(mm.vfree(area, CPU).map(|()| "freed")));
    Ok(mm.validate()?)
}

pub(super) fn high_memory(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_32();
    let page = mm.alloc_page(mm.mask("GFP_HIGHUSER"), CPU)?;
    let null = |a: Option<Address>| a.map_or_else(|| "NULL".to_owned(), |a| a.to_string());
    s.call(format!("page_address(frame {page})"), null(mm.page_address(page)));
    s.call("kmap()", outcome(mm.kmap(page, Context::Process)));
    s.call("page_address()", null(mm.page_address(page)));
    mm.kunmap(page)?;
    s.call("kunmap(), then page_address()", null(mm.page_address(page)));
    s.call("kmap() in an interrupt", outcome(mm.kmap(page, Context::Atomic)));
    s.call("kmap_atomic() on CPU 0", outcome(mm.kmap_atomic(page, CPU)));
    s.call("kunmap_atomic()", outcome(mm.kunmap_atomic(page, CPU).map(|()| "undone")));
    let low = mm.alloc_page(mm.mask("GFP_KERNEL"), CPU)?;
    s.call(format!("kmap(frame {low}), which lies in low memory"), outcome(mm.kmap(low, Context::Process)));
    Ok(mm.validate()?)
}
