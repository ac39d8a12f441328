//! The byte offsets of fields on this kernel, which the programs get as settings of the object.

use trace::Program;

use super::source::Source;
use crate::{
    Error,
    kernel::{Btf, Tracefs},
};

/// Returns the fields that a program reads from its tracepoint's record: first those that it needs, then those that not
/// every kernel has.
fn fields(program: Program) -> (&'static [&'static str], &'static [&'static str]) {
    match program {
        Program::PageAlloc => (&["pfn", "order", "gfp_flags", "migratetype"], &[]),
        Program::PageFree => (&["pfn", "order"], &[]),
        Program::Kmalloc => (&["call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"], &["node"]),
        Program::Kfree => (&["call_site", "ptr"], &[]),
        Program::TaskNew => (&["pid", "comm", "clone_flags"], &[]),
        Program::TaskRename => (&["pid", "newcomm"], &[]),
        Program::CgroupAttach => (&["pid", "dst_id"], &[]),
        // These programs read the arguments and not the records.
        Program::CacheAlloc | Program::CacheFree => (&[], &[]),
        Program::ZoneLocked => (&["pfn", "order", "migratetype"], &["percpu_refill"]),
        Program::PcpuDrain => (&["pfn", "order", "migratetype"], &[]),
        Program::ExtFrag => (
            &["pfn", "alloc_order", "fallback_order", "alloc_migratetype", "fallback_migratetype", "change_ownership"],
            &[],
        ),
        Program::DirectReclaimBegin => (&["order", "gfp_flags"], &[]),
        Program::DirectReclaimEnd => (&["nr_reclaimed"], &[]),
        Program::KswapdWake => (&["nid", "zid", "order"], &[]),
        Program::KswapdSleep => (&["nid"], &[]),
        Program::WakeupKswapd => (&["nid", "zid", "order", "gfp_flags"], &[]),
        Program::CompactionBegin => (&["zone_start", "sync"], &[]),
        Program::CompactionEnd => (&["zone_start", "status"], &[]),
        Program::OomVictim => (&["pid"], &[]),
        Program::TryToCompact => (&["order", "gfp_mask", "prio"], &[]),
    }
}

/// Returns the programs' settings for byte offsets, by name. The offsets in the records (`PAGE_ALLOC_PFN` and so on)
/// come from this kernel's `format` files. For the events of slab caches, the offsets in `struct kmem_cache` come from
/// the kernel's type information (BTF).
///
/// # Errors
/// [`Error::NoTracepoint`] or [`Error::NoField`] if this kernel lacks a tracepoint or a field, [`Error::Option`] if it
/// does not report what was asked for, [`Error::Read`] or [`Error::Unknown`] for the type information.
pub(super) fn offsets(tracefs: &Tracefs, programs: &[Program], source: Source) -> Result<Vec<(String, u32)>, Error> {
    let mut offsets = Vec::new();
    for program in programs {
        let format = tracefs.format(*program)?;
        let (needed, optional) = fields(*program);
        for name in needed.iter().chain(optional) {
            match format.field(name) {
                Some(field) => offsets.push((format!("{}_{name}", program.name()).to_uppercase(), field.offset)),
                None if optional.contains(name) => {}
                None => return Err(Error::NoField { tracepoint: format.name, field: name }),
            }
        }
        // Linux 6.1 gave the tracepoint this field and the arguments that the program reads. Before, the tracepoint had
        // the size of the object in place of the cache.
        if *program == Program::CacheAlloc && format.field("node").is_none() {
            return Err(Error::Option(
                "the events of `cache` need Linux 6.1: before, kmem_cache_alloc does not tell the cache".to_owned(),
            ));
        }
    }
    if programs.contains(&Program::CacheAlloc) || programs.contains(&Program::CacheFree) {
        if source == Source::Tracepoint {
            return Err(Error::Option(
                "the events of `cache` need raw tracepoints: ftrace's records do not tell the cache on every kernel"
                    .to_owned(),
            ));
        }
        let found = Btf::read()?.offsets("kmem_cache", ["name", "object_size", "size"]);
        let unknown = || Error::Unknown {
            path: "/sys/kernel/btf/vmlinux".into(),
            reason: "it does not describe struct kmem_cache".to_owned(),
        };
        let names = ["KMEM_CACHE_NAME", "KMEM_CACHE_OBJECT_SIZE", "KMEM_CACHE_SIZE"].map(str::to_owned);
        offsets.extend(names.into_iter().zip(found.ok_or_else(unknown)?));
    }
    Ok(offsets)
}
