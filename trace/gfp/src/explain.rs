//! Explains a mask in words: its bits, what they allow the caller to do, and the flags that contradict each other.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use crate::{Context, Effort, Flags, GfpTable, Verdict, meaning};

/// One bit of a mask, with its name and meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bit {
    /// The kernel's name for the bit, or the bit in hex if the kernel has no name for it.
    pub name: String,
    /// The value of the bit: a power of two.
    pub mask: u32,
    /// The permission or wish that the bit expresses; empty if this crate does not know the bit's name.
    pub meaning: &'static str,
}

/// The explanation of one mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The mask, in the numbering of its kernel.
    pub mask: u32,
    /// The mask as its kernel prints it.
    pub names: String,
    /// The bits that are set in the mask, lowest first.
    pub bits: Vec<Bit>,
    /// The kernel-independent flags that the names of the mask stand for.
    pub flags: Flags,
    /// The consequences of the mask for the caller, one sentence each.
    pub consequences: Vec<&'static str>,
    /// The contradictions between flags of the mask, one sentence each.
    pub complaints: Vec<&'static str>,
    /// The flags that the mask itself names, without those that every mask of this kernel implies.
    stated: Flags,
}

impl GfpTable {
    /// Returns the explanation of a mask that is in the numbering of this kernel.
    pub fn explain(&self, mask: u32) -> Explanation {
        let bit = |shift: u32| {
            let bit = 1_u32 << shift;
            let known = self.bits().find(|(_, known)| *known == bit);
            let name = known.map_or_else(|| format!("{bit:#x}"), |(name, _)| name.to_owned());
            Bit { meaning: meaning(&name).unwrap_or(""), name, mask: bit }
        };
        let flags = self.named_flags(mask);
        Explanation {
            mask,
            names: self.decode(mask),
            bits: (0..u32::BITS).filter(|shift| mask >> shift & 1 != 0).map(bit).collect(),
            flags,
            consequences: consequences(flags),
            complaints: complaints(flags),
            stated: flags.without(self.implied()),
        }
    }
}

impl Explanation {
    /// Returns the effort that the allocator may make for the request.
    pub const fn effort(&self) -> Effort {
        Effort::of_flags(self.flags)
    }

    /// Returns whether the mask may be used in a context, and the reason if it may not.
    pub const fn verdict(&self, context: Context) -> Verdict {
        Verdict::of(self.flags, context)
    }

    /// Returns remarks on flags that are legal in a context but unusual or without effect.
    pub fn remarks(&self, context: Context) -> Vec<&'static str> {
        let flags = self.stated;
        let sleeps = flags.may_sleep();
        let all = [
            (
                flags.contains(Flags::DMA) && !flags.intersects(Flags::RECLAIM | Flags::HIGH),
                "GFP_DMA is only a zone: give it a context flag beside it, such as GFP_KERNEL or GFP_ATOMIC",
            ),
            (
                flags.contains(Flags::HIGHMEM),
                "a page from high memory has no address until it is mapped: alloc_pages only",
            ),
            (
                context == Context::Process && !sleeps,
                "this context may sleep: without direct reclaim the request fails where it need not",
            ),
            (flags.intersects(Flags::IO | Flags::FS) && !sleeps, "IO and FS mean nothing without direct reclaim"),
        ];
        chosen(&all)
    }
}

/// Returns the consequences of flags for the caller: whether the request sleeps, what reclaim may do, whether the
/// request may use the reserves, and the zones that it may use. `MOVABLE` chooses a zone only together with `HIGHMEM`
/// (`gfp_zone`, `include/linux/gfp.h`).
fn consequences(flags: Flags) -> Vec<&'static str> {
    let sleeps = flags.may_sleep();
    let mut consequences = Vec::new();
    consequences.push(if sleeps { "may sleep: not for interrupts, nor under a spinlock" } else { "does not sleep" });
    if sleeps {
        consequences.push(match (flags.may_io(), flags.may_fs()) {
            (true, true) => "reclaim may do I/O and call filesystems",
            (true, false) => "reclaim may do I/O, but not call filesystems",
            (false, _) => "reclaim does neither I/O nor filesystem calls",
        });
    }
    if flags.uses_reserves() {
        consequences.push("may use the memory reserves");
    }
    let [dma, dma32, highmem, movable] =
        [Flags::DMA, Flags::DMA32, Flags::HIGHMEM, Flags::MOVABLE].map(|flag| flags.contains(flag));
    consequences.push(match (dma, dma32, highmem, movable) {
        (true, ..) => "only from ZONE_DMA",
        (_, true, ..) => "only from ZONE_DMA32 and below",
        (_, _, true, true) => "from any zone, ZONE_MOVABLE first",
        (_, _, true, false) => "from any zone but ZONE_MOVABLE",
        _ => "from ZONE_NORMAL and below",
    });
    consequences
}

/// Returns the contradictions between flags, one sentence each.
fn complaints(flags: Flags) -> Vec<&'static str> {
    let all = [
        (!flags.zone_is_possible(), "more than one zone modifier: the kernel has no zone for this combination"),
        (!flags.mobility_is_possible(), "both MOVABLE and RECLAIMABLE: there is no such migratetype"),
        // `__alloc_pages_slowpath` warns and fails the request, because it cannot loop without reclaim.
        (
            flags.contains(Flags::NOFAIL) && !flags.may_sleep(),
            "NOFAIL without DIRECT_RECLAIM: it can never succeed by waiting",
        ),
        // `NOFAIL` wins since 4.12, because the slow path tests it last, under its label `nopage`. In 2.6.34 `NORETRY`
        // wins (`should_alloc_retry`).
        (
            flags.contains(Flags::NOFAIL) && flags.intersects(Flags::NORETRY | Flags::RETRY_MAYFAIL),
            "NOFAIL together with a flag that allows failure",
        ),
        (flags.contains(Flags::FS) && !flags.contains(Flags::IO), "FS without IO: filesystems need I/O"),
        // `include/linux/gfp_types.h`: "This takes precedence over the %__GFP_MEMALLOC flag if both are set".
        (flags.contains(Flags::MEMALLOC | Flags::NOMEMALLOC), "MEMALLOC together with NOMEMALLOC: the latter wins"),
    ];
    chosen(&all)
}

/// Returns the texts whose condition holds.
fn chosen(all: &[(bool, &'static str)]) -> Vec<&'static str> {
    all.iter().filter_map(|(applies, text)| applies.then_some(*text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Generation;

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
        entries.into_iter().collect()
    }

    #[test]
    fn an_ordinary_mask_is_taken_apart_without_complaint() {
        let kernel = table().explain(0xdc0);
        assert_eq!(kernel.names, "GFP_KERNEL|__GFP_ZERO");
        let bits: Vec<_> = kernel.bits.iter().map(|bit| bit.name.as_str()).collect();
        assert_eq!(bits, ["__GFP_IO", "__GFP_FS", "__GFP_ZERO", "__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM"]);
        assert!(kernel.consequences.iter().any(|text| text.starts_with("may sleep")));
        assert_eq!(kernel.complaints, Vec::<&str>::new());
        assert!(table().explain(0x820).consequences.contains(&"does not sleep"));
    }

    #[test]
    fn impossible_masks_are_named() {
        assert!(table().explain(0x5).complaints[0].contains("more than one zone modifier"));
        assert!(table().explain(0x18).complaints[0].contains("MOVABLE and RECLAIMABLE"));
        assert!(table().explain(0x8000).complaints[0].contains("NOFAIL without DIRECT_RECLAIM"));
        assert_eq!(table().explain(0x8000_0000).bits[0].name, "0x80000000", "a bit without a name keeps its number");
    }

    #[test]
    fn what_is_said_of_a_mask_is_the_same_in_every_generation() {
        for (mask, consequence, complaint) in [
            ("GFP_KERNEL|__GFP_DMA", "only from ZONE_DMA", None),
            ("GFP_HIGHUSER_MOVABLE", "from any zone, ZONE_MOVABLE first", None),
            ("GFP_NOFS", "reclaim may do I/O, but not call filesystems", None),
            ("GFP_ATOMIC", "may use the memory reserves", None),
            ("__GFP_DMA|__GFP_DMA32", "does not sleep", Some("more than one zone modifier")),
            ("GFP_KERNEL|__GFP_NOFAIL|__GFP_NORETRY", "may sleep: not for", Some("NOFAIL together with")),
            ("GFP_NOIO|__GFP_FS", "reclaim does neither", Some("FS without IO")),
        ] {
            for generation in Generation::ALL {
                let table = GfpTable::of(generation);
                let explanation = table.explain(table.encode(mask).unwrap());
                assert!(
                    explanation.consequences.iter().any(|text| text.starts_with(consequence)),
                    "{generation:?} {mask}: {:?}",
                    explanation.consequences
                );
                let first = explanation.complaints.first();
                assert_eq!(first.is_some(), complaint.is_some(), "{generation:?} {mask}: {first:?}");
                assert!(complaint.is_none_or(|text| explanation.complaints[0].starts_with(text)), "{first:?}");
                assert!(explanation.bits.iter().all(|bit| !bit.meaning.is_empty()), "{generation:?} {mask}");
            }
        }
    }

    #[test]
    fn remarks_say_what_is_legal_and_yet_odd() {
        let table = GfpTable::of(Generation::V6_18);
        let remarks = |mask: &str, context| table.explain(table.encode(mask).unwrap()).remarks(context);
        assert!(remarks("GFP_DMA", Context::Atomic)[0].starts_with("GFP_DMA is only a zone"));
        assert_eq!(remarks("GFP_DMA|GFP_ATOMIC", Context::Atomic), [""; 0]);
        assert!(remarks("GFP_ATOMIC", Context::Process)[0].starts_with("this context may sleep"));
        assert!(remarks("GFP_TRANSHUGE_LIGHT", Context::Atomic)[1].starts_with("IO and FS mean nothing"));
    }
}
