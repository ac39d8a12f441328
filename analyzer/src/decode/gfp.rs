//! What a GFP mask allows, in plain words. Which bit has which name is the traced kernel's business; what a name means
//! is told here.

use trace::GfpTable;

/// One flag of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// the kernel's name; a number if it has none
    pub name: String,
    /// its bit or bits
    pub mask: u32,
    /// what it allows or asks for; empty if the name is not known here
    pub meaning: &'static str,
}

/// A mask taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// the mask
    pub mask: u32,
    /// its names, as the kernel prints them
    pub names: String,
    /// its single bits
    pub bits: Vec<Flag>,
    /// what it means for the caller
    pub consequences: Vec<&'static str>,
    /// what is wrong with it
    pub complaints: Vec<&'static str>,
}

/// What the allocator may do for a request when no free page is at hand, from the most to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// direct reclaim with I/O and filesystem calls
    Full,
    /// direct reclaim that must not call filesystems
    NoFs,
    /// direct reclaim of what is clean
    NoIo,
    /// no waiting: the reserves may be used
    Reserves,
    /// no waiting: kswapd is woken for later requests
    Kswapd,
    /// nothing
    Nothing,
}

impl Effort {
    /// Judges a mask by the table of the kernel that it is from.
    pub fn of(table: &GfpTable, mask: u32) -> Self {
        let has = |name: &str| has(table, mask, name);
        match (has("__GFP_DIRECT_RECLAIM"), has("__GFP_IO"), has("__GFP_FS")) {
            (true, true, true) => Self::Full,
            (true, true, false) => Self::NoFs,
            (true, false, _) => Self::NoIo,
            (false, ..) if has("__GFP_HIGH") || has("__GFP_MEMALLOC") => Self::Reserves,
            (false, ..) if has("__GFP_KSWAPD_RECLAIM") => Self::Kswapd,
            (false, ..) => Self::Nothing,
        }
    }

    /// Returns the effort in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Full => "may sleep, any reclaim",
            Self::NoFs => "may sleep, no filesystem calls",
            Self::NoIo => "may sleep, no I/O",
            Self::Reserves => "cannot sleep, may use the reserves",
            Self::Kswapd => "cannot sleep, wakes kswapd",
            Self::Nothing => "cannot sleep, no reclaim",
        }
    }
}

/// Returns whether a mask has all bits of a flag. A flag that the kernel does not have is in no mask.
pub(crate) fn has(table: &GfpTable, mask: u32, name: &str) -> bool {
    table.mask(name).is_some_and(|bits| bits != 0 && mask & bits == bits)
}

/// Returns what a flag means, by its name; `None` for a name that no known kernel has.
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
        "WRITE" => "the caller is going to dirty the page: writers are spread over the zones",
        "NOWARN" => "no warning in the log if it fails",
        "RETRY_MAYFAIL" => "try hard, costly orders too, but fail rather than invoke the OOM killer",
        "NOFAIL" => "never fail: loop until there is memory",
        "NORETRY" => "give up soon: no OOM killer, no repeated reclaim",
        "MEMALLOC" => "may use all reserves: the allocation will free more memory than it takes",
        "COMP" => "make a compound page, so that it is freed as one",
        "NOMEMALLOC" => "must not use the reserves, even if the task might",
        "HARDWALL" => "only from the memory nodes that the cpuset allows",
        "THISNODE" => "from the given NUMA node or not at all",
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
        "USER" => "for user space, mapped by the kernel too",
        "HIGHUSER" => "for user space, any zone",
        "HIGHUSER_MOVABLE" => "for user space, any zone, can be migrated: ordinary process memory",
        "TRANSHUGE_LIGHT" => "a huge page if one is at hand: no reclaim, no compaction",
        "TRANSHUGE" => "a huge page, with direct reclaim and compaction",
        _ => return None,
    })
}

/// Takes a mask apart with the table of the kernel that it is from.
pub fn explain(table: &GfpTable, mask: u32) -> Explained {
    let bit = |shift: u32| {
        let bit = 1_u32 << shift;
        let name = table
            .bits()
            .find(|(_, known)| *known == bit)
            .map_or_else(|| format!("{bit:#x}"), |(name, _)| name.to_owned());
        Flag { meaning: meaning(&name).unwrap_or(""), name, mask: bit }
    };
    let bits = (0..32).filter(|shift| mask & (1 << shift) != 0).map(bit).collect();
    let has = |name: &str| has(table, mask, name);
    let direct = has("__GFP_DIRECT_RECLAIM");
    let mut consequences = Vec::new();
    consequences.push(if direct { "may sleep: not for interrupts, nor under a spinlock" } else { "does not sleep" });
    if direct {
        consequences.push(match (has("__GFP_IO"), has("__GFP_FS")) {
            (true, true) => "reclaim may do I/O and call filesystems",
            (true, false) => "reclaim may do I/O, but not call filesystems",
            (false, _) => "reclaim does neither I/O nor filesystem calls",
        });
    }
    if has("__GFP_HIGH") || has("__GFP_MEMALLOC") {
        consequences.push("may use the memory reserves");
    }
    consequences.push(match (has("__GFP_DMA"), has("__GFP_DMA32"), has("__GFP_HIGHMEM"), has("__GFP_MOVABLE")) {
        (true, ..) => "only from ZONE_DMA",
        (_, true, ..) => "only from ZONE_DMA32 and below",
        (_, _, true, true) => "from any zone, ZONE_MOVABLE first",
        (_, _, true, false) => "from any zone but ZONE_MOVABLE",
        _ => "from ZONE_NORMAL and below",
    });
    let mut complaints = Vec::new();
    if [has("__GFP_DMA"), has("__GFP_DMA32"), has("__GFP_HIGHMEM")].into_iter().filter(|set| *set).count() > 1 {
        complaints.push("more than one zone modifier: the kernel has no zone for this combination");
    }
    if has("__GFP_MOVABLE") && has("__GFP_RECLAIMABLE") {
        complaints.push("both MOVABLE and RECLAIMABLE: there is no such migratetype");
    }
    if has("__GFP_NOFAIL") && !direct {
        complaints.push("NOFAIL without DIRECT_RECLAIM: it can never succeed by waiting");
    }
    if has("__GFP_NOFAIL") && (has("__GFP_NORETRY") || has("__GFP_RETRY_MAYFAIL")) {
        complaints.push("NOFAIL together with a flag that allows failure");
    }
    if has("__GFP_FS") && !has("__GFP_IO") {
        complaints.push("FS without IO: filesystems need I/O");
    }
    if has("__GFP_MEMALLOC") && has("__GFP_NOMEMALLOC") {
        complaints.push("MEMALLOC together with NOMEMALLOC: the latter wins");
    }
    Explained { mask, names: table.decode(mask), bits, consequences, complaints }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> GfpTable {
        let entries = [
            ("GFP_KERNEL", 0xcc0),
            ("GFP_ATOMIC", 0x820),
            ("__GFP_DMA", 0x1),
            ("__GFP_HIGHMEM", 0x2),
            ("__GFP_DMA32", 0x4),
            ("__GFP_MOVABLE", 0x8),
            ("__GFP_RECLAIMABLE", 0x10),
            ("__GFP_HIGH", 0x20),
            ("__GFP_IO", 0x40),
            ("__GFP_FS", 0x80),
            ("__GFP_ZERO", 0x100),
            ("__GFP_DIRECT_RECLAIM", 0x400),
            ("__GFP_KSWAPD_RECLAIM", 0x800),
            ("__GFP_NOFAIL", 0x8000),
        ];
        GfpTable::new(entries.into_iter().map(|(name, mask)| (name.to_owned(), mask)).collect())
    }

    #[test]
    fn an_ordinary_mask_is_taken_apart_without_complaint() {
        let kernel = explain(&table(), 0xdc0);
        assert_eq!(kernel.names, "GFP_KERNEL|__GFP_ZERO");
        let bits: Vec<_> = kernel.bits.iter().map(|flag| flag.name.as_str()).collect();
        assert_eq!(bits, ["__GFP_IO", "__GFP_FS", "__GFP_ZERO", "__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM"]);
        assert!(kernel.consequences.iter().any(|text| text.starts_with("may sleep")));
        assert_eq!(kernel.complaints, Vec::<&str>::new());
        assert!(explain(&table(), 0x820).consequences.contains(&"does not sleep"));
    }

    #[test]
    fn masks_are_told_apart_by_what_the_allocator_may_do() {
        let efforts = [0xcc0, 0xc40, 0xc00, 0x820, 0x800, 0x100].map(|mask| Effort::of(&table(), mask));
        assert_eq!(
            efforts,
            [Effort::Full, Effort::NoFs, Effort::NoIo, Effort::Reserves, Effort::Kswapd, Effort::Nothing]
        );
        assert_eq!(
            Effort::of(&table(), 0xce0),
            Effort::Full,
            "who may sleep as well as use the reserves will sleep first"
        );
    }

    #[test]
    fn impossible_masks_are_named() {
        assert!(explain(&table(), 0x5).complaints[0].contains("more than one zone modifier"));
        assert!(explain(&table(), 0x18).complaints[0].contains("MOVABLE and RECLAIMABLE"));
        assert!(explain(&table(), 0x8000).complaints[0].contains("NOFAIL without DIRECT_RECLAIM"));
        assert_eq!(explain(&table(), 0x8000_0000).bits[0].name, "0x80000000", "a bit without a name keeps its number");
    }
}
