//! The lessons about pages: rows T1 to T3 and T6 to T8.

use reference::{Address, FrameState, Generation, Order, PageFlags, PageSize, Pfn};

use super::{
    error::LessonError,
    script::{CPU, Script, outcome, x86_32, x86_64, zone_name},
};
use crate::number::thousands;

pub(super) fn pages(s: &mut Script) -> Result<(), LessonError> {
    s.say("The page is the unit the kernel manages memory in. Its size is the architecture's choice:");
    for (name, size) in [("x86, 32 and 64 bit", PageSize::X86), ("Alpha, SPARC 64", PageSize::ALPHA)] {
        s.call(
            format!("{name}: {} bytes", thousands(size.bytes())),
            format!("{} pages in 1 GiB", thousands(size.pages_in(1 << 30))),
        );
    }
    s.say("A frame has a physical address; the kernel reaches it at a virtual one. In the direct map the two differ by a constant:");
    let mm = x86_32();
    let address = mm.direct_map().to_virtual(0x0010_0000);
    s.call("x86-32: __va(0x00100000)", address);
    s.call(format!("x86-32: __pa({address})"), format!("{:#010x}", mm.direct_map().to_physical(address)));
    let mm = x86_64(Generation::V6_18);
    s.call("x86-64: __va(0x00100000)", mm.direct_map().to_virtual(0x0010_0000));
    Ok(mm.validate()?)
}

pub(super) fn struct_page(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_64(Generation::Textbook);
    let pfn = mm.alloc_page(mm.mask("GFP_KERNEL"), CPU)?;
    mm.pages.set_page_owner(pfn, 0xcafe, 3, 17)?;
    mm.pages.set_page_flags(pfn, PageFlags::DIRTY.union(PageFlags::UPTODATE))?;
    if let Some(p) = mm.pages.page(pfn) {
        s.say("One structure for each frame, in use or not:");
        s.call("flags", p.flags);
        s.call("page_count(), and the field _count", format!("{}, {}", p.page_count(), p.count_field()));
        s.call("private (its owner's word)", format!("{:#x}", p.private));
        s.call("mapping, index", format!("{}, {}", p.mapping, p.index));
    }
    s.say("Two users, then none:");
    s.call("get_page()", mm.pages.get_page(pfn)?);
    s.call("put_page()", mm.pages.put_page(pfn, CPU)?);
    s.call("put_page()", mm.pages.put_page(pfn, CPU)?);
    mm.pages.drain_all();
    if let Some(p) = mm.pages.page(pfn) {
        s.call("page_count(), and the field _count", format!("{}, {}", p.page_count(), p.count_field()));
        s.call("flags", p.flags);
    }
    let cost = PageSize::ALPHA.metadata(4 << 30, 40) >> 20;
    s.say(format!("Cost: 40 bytes for each 8 KiB page of 4 GiB are {cost} MiB."));
    s.say(format!(
        "This model spends {} bytes for each 4 KiB page.",
        reference::PageAllocator::METADATA_BYTES_PER_PAGE
    ));
    Ok(mm.validate()?)
}

pub(super) fn owners(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_64(Generation::Textbook);
    let kernel = mm.mask("GFP_KERNEL");
    let [user, cache, plain] = [mm.alloc_page(kernel, CPU)?, mm.alloc_page(kernel, CPU)?, mm.alloc_page(kernel, CPU)?];
    mm.pages.set_mapcount(user, 1)?;
    mm.pages.set_page_owner(cache, 0, 9, 0)?;
    let object = mm.kmalloc(100, kernel, CPU)?;
    let slab = mm.direct_map().to_pfn(object);
    let free = Pfn(plain.0 + 64);
    s.say("The same structure tells who owns a frame:");
    for (what, pfn) in [
        ("mapped by a process", user),
        ("with a mapping", cache),
        ("plain", plain),
        ("of a slab", slab),
        ("nobody's", free),
    ] {
        let owner = mm.pages.page(pfn).map(|p| format!("{:?}", p.owner));
        s.call(format!("frame {pfn}, {what}"), owner.unwrap_or_default());
    }
    Ok(mm.validate()?)
}

pub(super) fn getting_pages(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_32();
    let kernel = mm.mask("GFP_KERNEL");
    s.say("alloc_pages gives 2^order contiguous frames; page_address their address.");
    let block = mm.alloc_pages(kernel, Order(3), CPU)?;
    s.call("alloc_pages(GFP_KERNEL, 3)", format!("frame {block}, {} pages in {}", 8, zone_name(&mm.pages, block)?));
    s.call("page_address()", mm.page_address(block).map_or_else(|| "NULL".to_owned(), |a: Address| a.to_string()));
    s.call("__get_free_pages(GFP_KERNEL, 2)", mm.get_free_pages(kernel, Order(2), CPU)?);
    s.call("__get_free_page(GFP_KERNEL)", mm.get_free_page(kernel, CPU)?);
    let high = mm.alloc_page(mm.mask("GFP_HIGHUSER"), CPU)?;
    s.call("alloc_page(GFP_HIGHUSER)", format!("frame {high} in {}", zone_name(&mm.pages, high)?));
    s.call(
        "page_address()",
        mm.page_address(high).map_or_else(|| "NULL: high memory is not mapped".to_owned(), |a| a.to_string()),
    );
    Ok(mm.validate()?)
}

pub(super) fn zeroed_pages(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_64(Generation::Textbook);
    let page = mm.get_free_page(mm.mask("GFP_KERNEL"), CPU)?;
    let pfn = mm.direct_map().to_pfn(page);
    let text = |mm: &reference::Mm| {
        String::from_utf8_lossy(&mm.memory.read(pfn.0 * reference::PAGE_SIZE, 8)).replace('\0', "·")
    };
    mm.memory.write(pfn.0 * reference::PAGE_SIZE, b"password");
    s.call("a kernel page, written to", text(&mm));
    mm.free_pages_at(page, Order(0), CPU)?;
    let page = mm.get_free_page(mm.mask("GFP_USER"), CPU)?;
    s.call("freed, and allocated with GFP_USER", text(&mm));
    s.say("GFP_USER does not clear a page, __GFP_ZERO does: no page may reach user space without.");
    mm.free_pages_at(page, Order(0), CPU)?;
    mm.get_zeroed_page(mm.mask("GFP_USER"), CPU)?;
    s.call("freed, and allocated with get_zeroed_page()", text(&mm));
    s.call("pages cleared so far", mm.pages.counters().zeroed);
    Ok(mm.validate()?)
}

pub(super) fn freeing(s: &mut Script) -> Result<(), LessonError> {
    let mut mm = x86_64(Generation::V6_18);
    let kernel = mm.mask("GFP_KERNEL");
    let block = mm.alloc_pages(kernel, Order(2), CPU)?;
    let refused = |r: Result<(), reference::Misuse>| outcome(r.map(|()| "freed"));
    s.say("The allocator trusts its callers. This one tells when it should not:");
    s.call("a block of order 2", format!("frame {block}"));
    s.call("free it with order 1", refused(mm.free_pages(block, Order(1), CPU)));
    s.call("free its second frame", refused(mm.free_pages(Pfn(block.0 + 1), Order(0), CPU)));
    mm.pages.get_page(block)?;
    s.call("free it while someone else holds a reference", refused(mm.free_pages(block, Order(2), CPU)));
    mm.pages.put_page(block, CPU)?;
    s.call("free it rightly", refused(mm.free_pages(block, Order(2), CPU)));
    s.call("free it again", refused(mm.free_pages(block, Order(2), CPU)));
    s.call("free a frame never allocated", refused(mm.free_pages(Pfn(block.0 + 4096), Order(0), CPU)));
    let object = mm.kmalloc(64, kernel, CPU)?;
    s.call("free a kmalloc object's page", refused(mm.free_pages(mm.direct_map().to_pfn(object), Order(0), CPU)));
    let page = mm.get_free_page(kernel, CPU)?;
    s.call("kfree a page", refused(mm.kfree(Some(page), CPU)));
    s.call("use after free: set page->private", refused(mm.pages.set_page_owner(block, 1, 0, 0)));
    let state = matches!(mm.pages.frame(mm.direct_map().to_pfn(page)), FrameState::Allocated { .. });
    s.call("the page of the refused kfree is still allocated", state);
    s.say("A failed allocation in the middle of a function is costly to undo: allocate first.");
    Ok(mm.validate()?)
}
