//! The meanings of GFP names in words.

/// Returns the meaning of a flag or composite, by its name in any kernel; `None` for a name that no known kernel has.
pub fn meaning(name: &str) -> Option<&'static str> {
    Some(match name.trim_start_matches('_').trim_start_matches("GFP_") {
        "DMA" => "the page must lie in ZONE_DMA (the first 16 MiB on x86)",
        "HIGHMEM" => "the page may lie in ZONE_HIGHMEM: it need not be mapped into the kernel",
        "DMA32" => "the page must be reachable with 32 address bits (ZONE_DMA32)",
        "MOVABLE" => {
            "the page can be migrated: it goes into movable pageblocks, and into ZONE_MOVABLE if HIGHMEM is set too"
        }
        "RECLAIMABLE" => "the page can be freed by shrinking a cache: it goes into reclaimable pageblocks",
        "HIGH" => "may use part of the reserve below the min watermark",
        "IO" => "reclaim may start physical I/O",
        "FS" => "reclaim may call into the filesystem",
        "ZERO" => "the page is returned filled with zeros",
        "ATOMIC" => "the caller cannot sleep: GFP_ATOMIC = HIGH | KSWAPD_RECLAIM (a bit of its own before 6.3)",
        "DIRECT_RECLAIM" => "the caller may sleep and reclaim memory itself",
        "KSWAPD_RECLAIM" => "kswapd is woken when the low watermark is reached",
        "RECLAIM" => "both sorts of reclaim: directly and by kswapd",
        "WAIT" => "the caller may sleep and reclaim memory itself (DIRECT_RECLAIM and KSWAPD_RECLAIM since 4.4)",
        "WRITE" => "the caller is going to dirty the page: writers are spread over the zones",
        "NOWARN" => "no warning in the log if it fails",
        "RETRY_MAYFAIL" => "try hard, costly orders too, but fail rather than invoke the OOM killer",
        "REPEAT" => "try hard, costly orders too, but it may fail (RETRY_MAYFAIL since 4.13)",
        "NOFAIL" => "never fail: loop until there is memory",
        "NORETRY" => "give up soon: no OOM killer, no repeated reclaim",
        "MEMALLOC" => "may use all reserves: the allocation will free more memory than it takes",
        "COMP" => "make a compound page, so that it is freed as one",
        "NOMEMALLOC" => "must not use the reserves, even if the task might",
        "HARDWALL" => "only from the memory nodes that the cpuset allows",
        "THISNODE" => "from the given NUMA node or not at all",
        "COLD" => "a page that is not in the CPU's cache is preferred (before 4.15)",
        "ACCOUNT" => "charged to the memory cgroup of the task",
        "ZEROTAGS" => "memory tags are zeroed along with the page (arm64 MTE)",
        "SKIP_ZERO" => "zeroing is left to the tag initialisation (arm64 MTE)",
        "SKIP_KASAN" | "SKIP_KASAN_UNPOISON" | "SKIP_KASAN_POISON" => "KASAN does not (un)poison the page",
        "NOLOCKDEP" => "lockdep does not check this allocation",
        "NO_OBJ_EXT" => "no extension record for the objects of the slab",
        "KERNEL" => "ordinary kernel memory: may sleep, do I/O and call filesystems",
        "KERNEL_ACCOUNT" => "as GFP_KERNEL, charged to the memory cgroup",
        "NOWAIT" => "cannot sleep: kswapd is woken, nothing more",
        "NOIO" => "may sleep, but not start I/O: for the block layer",
        "NOFS" => "may sleep and do I/O, but not call filesystems: for filesystems",
        "TEMPORARY" => "as GFP_KERNEL, for objects that live shortly: reclaimable pageblocks (before 4.14)",
        "USER" => "for user space, mapped by the kernel too",
        "HIGHUSER" => "for user space, any zone",
        "HIGHUSER_MOVABLE" => "for user space, any zone, can be migrated: ordinary process memory",
        "TRANSHUGE_LIGHT" => "a huge page if one is at hand: no reclaim, no compaction",
        "TRANSHUGE" => "a huge page, with direct reclaim and compaction",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Generation, GfpTable};

    #[test]
    fn every_name_of_every_generation_has_a_meaning() {
        for generation in Generation::ALL {
            for (name, _) in GfpTable::of(generation).entries() {
                assert!(meaning(name).is_some(), "{generation:?}: {name}");
            }
        }
    }
}
