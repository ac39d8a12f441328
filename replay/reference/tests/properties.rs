//! Random calls on random machines: every invariant holds after each run, in every generation.

mod driver;

use driver::{Call, Driver, MASKS};
use proptest::prelude::*;
use reference::{Config, Cpu, Generation, NodeId, Order, PageAllocator};

fn call() -> impl Strategy<Value = Call> {
    any::<u64>().prop_map(Call::from_noise)
}

fn machine(generation: Generation) -> PageAllocator {
    PageAllocator::new(Config::new(driver::layout(), generation))
}

fn run(generation: Generation, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut driver = Driver::new(generation);
    for (step, call) in calls.iter().enumerate() {
        driver.call(*call).map_err(TestCaseError::fail)?;
        if step % 64 == 0 {
            driver.validate().map_err(|e| TestCaseError::fail(format!("step {step}: {e}")))?;
        }
    }
    driver.finish().map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_in_every_generation(calls in prop::collection::vec(call(), 1..1500)) {
        for generation in Generation::ALL {
            run(generation, &calls)?;
        }
    }

    #[test]
    fn the_same_calls_give_the_same_frames(calls in prop::collection::vec(call(), 1..300)) {
        let trail = |generation| {
            let mut mm = machine(generation);
            let mut pfns = Vec::new();
            for call in &calls {
                if let Call::Alloc { mask, order, cpu, node } = *call {
                    pfns.push(mm.alloc_pages(mm.mask(MASKS[mask]), Order(order), Cpu(cpu), NodeId(node)));
                }
            }
            mm.validate().unwrap();
            pfns
        };
        for generation in Generation::ALL {
            prop_assert_eq!(trail(generation), trail(generation));
        }
    }

    /// The short path of order-0 pages follows the same rules as the general path: with a mask table that rules the
    /// short path out, the frames are the same.
    #[test]
    fn the_short_path_gives_the_same_frames(calls in prop::collection::vec((any::<bool>(), 0usize..MASKS.len(), any::<usize>(), 0u16..2), 1..2000)) {
        for generation in [Generation::V6_1, Generation::V6_12, Generation::V6_18] {
            let mut long = Config::new(machine(generation).config().layout.clone(), generation);
            let table = long.gfp.clone();
            // A bit with an unknown number makes every mask pass through the table.
            let odd = [("__GFP_COLD", 0x2000_0000)];
            long.gfp = table.entries().chain(odd).collect();
            let (mut short, mut long) = (machine(generation), PageAllocator::new(long));
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
            for mm in [&short, &long] {
                prop_assert!(mm.validate().is_ok(), "{:?}", mm.validate());
            }
        }
    }
}
