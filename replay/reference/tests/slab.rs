//! The slab layer under random calls: objects never overlap, counts agree, and all pages are given back.

use std::collections::BTreeMap;

use proptest::prelude::*;
use reference::{
    Address, AllocError, CacheFlags, Config, Context, Cpu, Failure, FrameState, Generation, Layout, Migratetype,
    Misuse, Mm, Order, PAGE_OFFSET_X86_64, Pfn, ZERO_SIZE_PTR,
};

#[derive(Clone, Debug)]
enum Call {
    Kmalloc { bytes: u64, cpu: u16 },
    CacheAlloc { cache: usize, cpu: u16 },
    Free { which: usize, cpu: u16 },
    DoubleFree,
    Shrink { cache: usize },
}

fn call() -> impl Strategy<Value = Call> {
    let bytes = prop_oneof![8 => 1u64..300, 3 => 300u64..9000, 1 => 9000u64..100_000];
    prop_oneof![
        20 => (bytes, 0u16..2).prop_map(|(bytes, cpu)| Call::Kmalloc { bytes, cpu }),
        10 => (0usize..CACHES.len(), 0u16..2).prop_map(|(cache, cpu)| Call::CacheAlloc { cache, cpu }),
        27 => (any::<usize>(), 0u16..2).prop_map(|(which, cpu)| Call::Free { which, cpu }),
        1 => Just(Call::DoubleFree),
        1 => (0usize..CACHES.len()).prop_map(|cache| Call::Shrink { cache }),
    ]
}

const CACHES: [(&str, u32); 3] = [("dentry", 192), ("inode", 1080), ("tiny", 12)];

fn run(generation: Generation, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut mm = Mm::new(Config::new(Layout::x86_64(1 << 16, 2), generation));
    let kernel = mm.mask("GFP_KERNEL");
    let caches = CACHES.map(|(name, size)| mm.kmem_cache_create(name, size, 0, CacheFlags::default(), None).unwrap());
    let free_at_start: u64 = mm.pages.stats().iter().map(|z| z.free + z.pcp).sum();
    // The map from the start of each live object to its size in bytes.
    let mut live: BTreeMap<u64, u64> = BTreeMap::new();
    let mut last = None;
    for (step, call) in calls.iter().enumerate() {
        let new = match *call {
            Call::Kmalloc { bytes, cpu } => Some((mm.kmalloc(bytes, kernel, Cpu(cpu)).unwrap(), bytes)),
            Call::CacheAlloc { cache, cpu } => {
                Some((mm.kmem_cache_alloc(caches[cache], kernel, Cpu(cpu)).unwrap(), u64::from(CACHES[cache].1)))
            }
            Call::Free { which, cpu } if !live.is_empty() => {
                let address = *live.keys().nth(which % live.len()).unwrap();
                live.remove(&address);
                prop_assert_eq!(mm.kfree(Some(Address(address)), Cpu(cpu)), Ok(()));
                last = Some(address);
                None
            }
            Call::DoubleFree => {
                if let Some(address) = last.filter(|a| !live.contains_key(a)) {
                    let verdict = mm.kfree(Some(Address(address)), Cpu(0));
                    prop_assert!(matches!(
                        verdict,
                        Err(Misuse::ObjectDoubleFree(_) | Misuse::NotFromSlab(_) | Misuse::NotAnObject(_))
                    ));
                }
                None
            }
            Call::Shrink { cache } => {
                mm.kmem_cache_shrink(caches[cache], Cpu(0));
                None
            }
            Call::Free { .. } => None,
        };
        if let Some((address, bytes)) = new {
            let size = mm.ksize(address).unwrap();
            prop_assert!(size >= bytes);
            let before = live.range(..address.0 + size).next_back();
            prop_assert!(
                before.is_none_or(|(start, len)| start + len <= address.0),
                "{address} overlaps a live object"
            );
            live.insert(address.0, size);
        }
        if step % 64 == 0 {
            prop_assert!(mm.validate().is_ok(), "{:?}", mm.validate());
        }
    }
    for address in live.into_keys() {
        prop_assert_eq!(mm.kfree(Some(Address(address)), Cpu(0)), Ok(()));
    }
    let all: Vec<_> = mm.slab.caches().collect();
    for cache in all {
        mm.kmem_cache_shrink(cache, Cpu(0));
    }
    prop_assert!(mm.validate().is_ok(), "{:?}", mm.validate());
    prop_assert_eq!(
        mm.pages.stats().iter().map(|z| z.free + z.pcp).sum::<u64>(),
        free_at_start,
        "every page came back"
    );
    Ok(())
}

/// `get_partial_node`: a CPU that has to go to the node takes a few more slabs for later, up to half of what it may
/// keep.
#[test]
fn a_cpu_takes_more_than_one_slab_from_the_node() {
    let mut mm = Mm::new(Config::new(Layout::x86_64(1 << 16, 1), Generation::V6_18));
    let kernel = mm.mask("GFP_KERNEL");
    let cache = mm.kmem_cache_create("kilobyte", 1100, 0, CacheFlags::default(), None).unwrap();
    let sizes = mm.slab.cache_stats(cache).sizes;
    assert_eq!((sizes.objects, sizes.cpu_partial_slabs), (14, 4));
    let objects: Vec<_> = (0..8 * 14).map(|_| mm.kmem_cache_alloc(cache, kernel, Cpu(0)).unwrap()).collect();
    for object in objects.iter().step_by(14) {
        mm.kmem_cache_free(cache, *object, Cpu(0)).unwrap();
    }
    mm.kmem_cache_shrink(cache, Cpu(0));
    assert_eq!(mm.slab.cache_stats(cache).partial, 8);
    mm.kmem_cache_alloc(cache, kernel, Cpu(0)).unwrap();
    assert_eq!(mm.slab.cache_stats(cache).partial, 8 - 1 - 2);
    mm.validate().unwrap();
}

#[test]
fn no_bytes_have_an_address_of_their_own() {
    let mut mm = Mm::new(Config::new(Layout::x86_64(1 << 16, 1), Generation::V6_18));
    let kernel = mm.mask("GFP_KERNEL");
    assert_eq!(mm.kmalloc(0, kernel, Cpu(0)), Ok(ZERO_SIZE_PTR));
    assert_eq!((mm.ksize(ZERO_SIZE_PTR), mm.kfree(Some(ZERO_SIZE_PTR), Cpu(0))), (Ok(0), Ok(())));
    let object = mm.krealloc(None, 100, kernel, Cpu(0)).unwrap();
    assert_eq!(mm.krealloc(Some(object), 128, kernel, Cpu(0)), Ok(object), "it is large enough");
    assert_eq!(mm.krealloc(Some(object), 0, kernel, Cpu(0)), Ok(ZERO_SIZE_PTR));
    assert!(matches!(mm.kfree(Some(object), Cpu(0)), Err(Misuse::ObjectDoubleFree(_))), "that freed it");
    assert_eq!(
        mm.krealloc(Some(object), 4096, kernel, Cpu(0)).map(|new| new == object),
        Err(Failure::Misuse(Misuse::ObjectDoubleFree(object.0 - PAGE_OFFSET_X86_64)))
    );
    mm.validate().unwrap();
}

#[test]
fn what_cannot_be_served_is_refused() {
    let mut mm = Mm::new(Config::new(Layout::x86_32(1 << 18, 1), Generation::V6_18));
    let (kernel, high) = (mm.mask("GFP_KERNEL"), mm.mask("GFP_HIGHUSER"));
    for (size, align) in [(u32::MAX, 0), (1, u32::MAX), ((4 << 20) + 1, 0)] {
        assert!(
            matches!(
                mm.kmem_cache_create("huge", size, align, CacheFlags::default(), None),
                Err(AllocError::TooLarge(_))
            ),
            "{size}, {align}"
        );
    }
    let guarded = CacheFlags { red_zone: true, ..CacheFlags::default() };
    assert!(matches!(
        mm.kmem_cache_create("no room for the red zone", 4 << 20, 0, guarded, None),
        Err(AllocError::TooLarge(_))
    ));
    let cache = mm.kmem_cache_create("objects", 200, 0, CacheFlags::default(), None).unwrap();
    assert_eq!(mm.kmem_cache_alloc(cache, high, Cpu(0)), Err(AllocError::HighMemHasNoAddress));
    assert_eq!(mm.kmem_cache_alloc(cache, kernel, Cpu(7)), Err(AllocError::NoSuchCpuOrNode));
    let object = mm.kmem_cache_alloc(cache, kernel, Cpu(0)).unwrap();
    mm.kmem_cache_free(cache, object, Cpu(7)).unwrap();
    mm.kmem_cache_destroy(cache, Cpu(0)).unwrap();
    assert_eq!(mm.kmem_cache_alloc(cache, kernel, Cpu(0)), Err(AllocError::CacheDestroyed));
    assert_eq!(mm.vmalloc(0, kernel, Cpu(0)), Err(AllocError::NoBytes));
    assert_eq!(mm.vmalloc(u64::MAX, kernel, Cpu(0)), Err(AllocError::NoAddressSpace));
    let nowhere = Pfn(u64::MAX);
    assert_eq!(mm.kmap(nowhere, Context::Process), Err(AllocError::NotAFrame(nowhere)));
    assert_eq!(mm.kmap_atomic(nowhere, Cpu(0)), Err(AllocError::NotAFrame(nowhere)));
    mm.validate().unwrap();
}

/// The zone and the mobility of a slab are up to its cache and not to the mask of the request that creates the slab,
/// because all objects of the cache share it.
#[test]
fn one_request_does_not_decide_for_the_whole_slab() {
    let mut mm = Mm::new(Config::new(Layout::x86_64((1 << 20) + (1 << 16), 1), Generation::V6_18));
    let odd = mm.mask("GFP_KERNEL|__GFP_DMA32|__GFP_MOVABLE");
    let object = mm.kmalloc(100, odd, Cpu(0)).unwrap();
    let page = mm.direct_map().to_pfn(object);
    assert!(page.0 >= 1 << 20, "an ordinary cache's slabs lie in NORMAL: {page}");
    assert!(matches!(mm.pages.frame(page), FrameState::Allocated { migratetype: Migratetype::Unmovable, .. }));
    mm.validate().unwrap();
}

#[test]
fn a_slabs_pages_are_its_own() {
    let mut mm = Mm::new(Config::new(Layout::x86_64(1 << 16, 1), Generation::V6_18));
    let kernel = mm.mask("GFP_KERNEL");
    for bytes in [100, 100_000] {
        let object = mm.kmalloc(bytes, kernel, Cpu(0)).unwrap();
        let page = mm.direct_map().to_pfn(object);
        let ours = Err(Misuse::FromSlab(page));
        assert_eq!(mm.pages.set_page_owner(page, 1, 2, 3), ours);
        assert_eq!(mm.pages.set_mapcount(page, 1), ours);
        assert_eq!(mm.pages.split_page(page, Order(0)), ours);
        assert_eq!(mm.pages.get_page(page).map(drop), ours);
        assert_eq!(mm.pages.migrate(page, Pfn(page.0 + 64), Cpu(0)).map(drop), ours);
        mm.validate().unwrap();
        mm.kfree(Some(object), Cpu(0)).unwrap();
    }
    // A page whose owner has set the word of a large object is still no large object.
    let page = mm.get_free_page(kernel, Cpu(0)).unwrap();
    mm.pages.set_page_owner(mm.direct_map().to_pfn(page), 0, u32::MAX, 0).unwrap();
    assert!(matches!(mm.kfree(Some(page), Cpu(0)), Err(Misuse::NotFromSlab(_))));
    mm.validate().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn objects_are_disjoint_and_pages_come_back(calls in prop::collection::vec(call(), 1..1500)) {
        for generation in Generation::ALL {
            run(generation, &calls)?;
        }
    }
}
