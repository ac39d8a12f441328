//! Random calls on random machines: every invariant holds after each run, in every profile.

use proptest::prelude::*;
use reference::{AllocError, Config, Cpu, GfpTable, Layout, Misuse, NodeId, Order, PageAllocator, Pfn, Profile, ZoneSpec};

#[derive(Clone, Debug)]
enum Call {
    Alloc { mask: usize, order: u8, cpu: u16, node: u8 },
    Free { which: usize, cpu: u16 },
    WrongOrder { which: usize, by: u8 },
    DoubleFree,
    Split { which: usize },
    Drain,
    Tick,
}

fn call() -> impl Strategy<Value = Call> {
    let order = prop_oneof![8 => Just(0u8), 4 => 1u8..4, 2 => 4u8..9, 1 => 9u8..11];
    prop_oneof![
        40 => (0usize..MASKS.len(), order, 0u16..2, 0u8..2).prop_map(|(mask, order, cpu, node)| Call::Alloc { mask, order, cpu, node }),
        30 => (any::<usize>(), 0u16..2).prop_map(|(which, cpu)| Call::Free { which, cpu }),
        1 => (any::<usize>(), 1u8..11).prop_map(|(which, by)| Call::WrongOrder { which, by }),
        1 => Just(Call::DoubleFree),
        1 => any::<usize>().prop_map(|which| Call::Split { which }),
        1 => Just(Call::Drain),
        1 => Just(Call::Tick),
    ]
}

const MASKS: [&str; 8] = [
    "GFP_KERNEL",
    "GFP_ATOMIC",
    "GFP_NOWAIT",
    "GFP_HIGHUSER_MOVABLE",
    "GFP_KERNEL|__GFP_RECLAIMABLE",
    "GFP_KERNEL|GFP_DMA",
    "GFP_KERNEL|__GFP_NOFAIL",
    "GFP_KERNEL|__GFP_DMA32|__GFP_NORETRY",
];

/// Two nodes, the first with a DMA and a ragged DMA32 zone of 12 MiB, the second with a NORMAL zone that starts off a pageblock boundary.
fn machine(profile: Profile) -> PageAllocator {
    let mut layout = Layout::x86_64(4096 + 3001, 2);
    let last =
        ZoneSpec { kind: reference::ZoneType::Normal, node: NodeId(1), start_pfn: (1 << 20) + 100, spanned: 5000, present: 4900, managed: 4800 };
    layout.zones.push(last);
    PageAllocator::new(Config::new(layout, profile))
}

fn run(profile: Profile, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut mm = machine(profile);
    let mut live: Vec<(Pfn, Order)> = Vec::new();
    let mut freed: Option<(Pfn, Order)> = None;
    for (step, call) in calls.iter().enumerate() {
        match *call {
            Call::Alloc { mask, order, cpu, node } => {
                let gfp = mm.mask(MASKS[mask]);
                match mm.alloc_pages(gfp, Order(order), Cpu(cpu), NodeId(node)) {
                    Ok(pfn) => {
                        let zone = mm.zone_of(pfn).unwrap();
                        let allowed = reference::gfp_zone(mm.gfp().flags(gfp)).unwrap();
                        prop_assert!(mm.zone_stats(zone).kind <= allowed, "{pfn} lies above {allowed:?}");
                        live.push((pfn, Order(order)));
                        freed = None;
                    }
                    Err(AllocError::BelowWatermark | AllocError::Fragmented | AllocError::WouldWait) => {}
                    Err(e) => prop_assert!(false, "{e}"),
                }
            }
            Call::Free { which, cpu } if !live.is_empty() => {
                let (pfn, order) = live.swap_remove(which % live.len());
                prop_assert_eq!(mm.free_pages(pfn, order, Cpu(cpu)), Ok(()));
                freed = Some((pfn, order));
            }
            Call::WrongOrder { which, by } if !live.is_empty() => {
                let (pfn, order) = live[which % live.len()];
                let given = Order((order.0 + by) % 11);
                let verdict = mm.free_pages(pfn, given, Cpu(0));
                if given == order {
                    live.swap_remove(which % live.len());
                } else {
                    prop_assert_eq!(verdict, Err(Misuse::WrongOrder { pfn, allocated: order, given }));
                }
            }
            Call::DoubleFree => {
                if let Some((pfn, order)) = freed {
                    prop_assert_eq!(mm.free_pages(pfn, order, Cpu(0)), Err(Misuse::DoubleFree(pfn)));
                }
            }
            Call::Split { which } if !live.is_empty() => {
                let (pfn, order) = live.swap_remove(which % live.len());
                mm.split_page(pfn, Order(order.0 / 2)).unwrap();
                let part = Order(order.0 / 2);
                live.extend((0..1u64 << (order.0 - part.0)).map(|k| (Pfn(pfn.0 + (k << part.0)), part)));
            }
            Call::Drain => mm.drain_all(),
            Call::Tick => mm.vmstat_tick(),
            _ => {}
        }
        if step % 64 == 0 {
            prop_assert!(mm.validate().is_ok(), "step {step}: {:?}", mm.validate());
        }
    }
    prop_assert!(mm.validate().is_ok(), "{:?}", mm.validate());
    let before: u64 = machine(profile).stats().iter().map(|z| z.free).sum();
    for (pfn, order) in live {
        prop_assert_eq!(mm.free_pages(pfn, order, Cpu(0)), Ok(()));
    }
    mm.drain_all();
    prop_assert!(mm.validate().is_ok(), "{:?}", mm.validate());
    prop_assert_eq!(mm.stats().iter().map(|z| z.free).sum::<u64>(), before, "pages were lost");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_in_every_profile(calls in prop::collection::vec(call(), 1..1500)) {
        for profile in Profile::ALL {
            run(profile, &calls)?;
        }
    }

    #[test]
    fn the_same_calls_give_the_same_frames(calls in prop::collection::vec(call(), 1..300)) {
        let trail = |profile| {
            let mut mm = machine(profile);
            let mut pfns = Vec::new();
            for call in &calls {
                if let Call::Alloc { mask, order, cpu, node } = *call {
                    pfns.push(mm.alloc_pages(mm.mask(MASKS[mask]), Order(order), Cpu(cpu), NodeId(node)));
                }
            }
            pfns
        };
        for profile in Profile::ALL {
            prop_assert_eq!(trail(profile), trail(profile));
        }
    }

    /// The short path of order-0 pages is a short cut, not another rule: a mask table that rules it out gives the same frames.
    #[test]
    fn the_short_path_gives_the_same_frames(calls in prop::collection::vec((any::<bool>(), 0usize..MASKS.len(), any::<usize>(), 0u16..2), 1..2000)) {
        for profile in [Profile::V6_1, Profile::V6_12, Profile::V6_18] {
            let mut long = Config::new(machine(profile).config().layout.clone(), profile);
            let table = long.gfp.clone();
            // A bit with an unknown number makes every mask pass through the table.
            let odd = [("__GFP_COLD", 0x2000_0000)];
            long.gfp = GfpTable::from_pairs(table.names().map(|(name, mask)| (name, mask.0)).chain(odd));
            let (mut short, mut long) = (machine(profile), PageAllocator::new(long));
            let mut live = Vec::new();
            for (step, (grow, mask, which, cpu)) in calls.iter().enumerate() {
                if *grow || live.is_empty() {
                    let got = short.alloc_pages(short.mask(MASKS[*mask]), Order(0), Cpu(*cpu), NodeId(0));
                    prop_assert_eq!(got, long.alloc_pages(long.mask(MASKS[*mask]), Order(0), Cpu(*cpu), NodeId(0)), "step {}", step);
                    live.extend(got);
                } else {
                    let pfn = live.swap_remove(which % live.len());
                    prop_assert_eq!(short.free_pages(pfn, Order(0), Cpu(*cpu)), long.free_pages(pfn, Order(0), Cpu(*cpu)));
                }
            }
            prop_assert_eq!(short.stats(), long.stats());
        }
    }
}
