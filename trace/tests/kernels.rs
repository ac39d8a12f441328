//! The GFP tables and tracepoint layouts of real kernels (see fixtures/README.md for where each text comes from).

use std::{fs, path::PathBuf};

use gfp::Generation;
use trace::{GfpTable, TracepointFormat};

const KERNELS: [&str; 4] = ["6.1", "6.1-i386", "6.12", "6.18"];

fn format(kernel: &str, event: &str) -> TracepointFormat {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/kernel/{kernel}/events/kmem/{event}/format"));
    TracepointFormat::parse(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .unwrap()
}

fn gfp(kernel: &str) -> GfpTable {
    format(kernel, "mm_page_alloc").gfp_table().unwrap()
}

#[test]
fn every_kernel_prints_the_masks_of_its_own_headers() {
    // include/linux/gfp_types.h (gfp.h in 6.1): the same layout since 5.1 for these.
    for kernel in KERNELS {
        let gfp = gfp(kernel);
        assert_eq!(gfp.mask("GFP_KERNEL"), Some(0xcc0), "{kernel}");
        assert_eq!(gfp.mask("GFP_NOFS"), Some(0xc40), "{kernel}");
        assert_eq!(gfp.mask("GFP_USER"), Some(0x10_0cc0), "{kernel}");
        assert_eq!(gfp.mask("__GFP_COMP"), Some(0x4_0000), "{kernel}");
        assert_eq!(
            gfp.bits().count(),
            gfp.bits().map(|(_, mask)| mask).collect::<std::collections::BTreeSet<_>>().len(),
            "{kernel}: a bit has one name"
        );
    }
}

#[test]
fn what_changed_between_the_kernels_is_seen() {
    // __GFP_ATOMIC went in 6.3; GFP_ATOMIC lost that bit, GFP_NOWAIT gained __GFP_NOWARN later.
    for kernel in ["6.1", "6.1-i386"] {
        assert_eq!(gfp(kernel).mask("__GFP_ATOMIC"), Some(0x200), "{kernel}");
        assert_eq!(gfp(kernel).mask("GFP_ATOMIC"), Some(0xa20), "{kernel}");
    }
    for kernel in ["6.12", "6.18"] {
        assert_eq!(gfp(kernel).mask("__GFP_ATOMIC"), None, "{kernel}");
        assert_eq!(gfp(kernel).mask("GFP_ATOMIC"), Some(0x820), "{kernel}");
        assert_eq!(gfp(kernel).mask("GFP_NOWAIT"), Some(0x2800), "{kernel}");
    }
}

#[test]
fn masks_read_as_the_kernel_prints_them() {
    // From an ftrace text of the 6.18 host: gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO and the like.
    let gfp = gfp("6.18");
    assert_eq!(gfp.decode(0x10_0cca | 0x100), "GFP_HIGHUSER_MOVABLE|__GFP_ZERO");
    assert_eq!(gfp.decode(0xcc0 | 0x40_0000), "GFP_KERNEL_ACCOUNT");
    assert_eq!(gfp.decode(0x2800), "GFP_NOWAIT");
}

#[test]
fn the_tables_that_are_known_beforehand_are_those_of_real_kernels() {
    // Bits from 24 up depend on the configuration. Names that the kernel does not print stand behind those it prints.
    for (generation, kernel) in [(Generation::V6_1, "6.1"), (Generation::V6_12, "6.12"), (Generation::V6_18, "6.18")] {
        let (known, printed) = (GfpTable::of(generation), gfp(kernel));
        let printed: Vec<_> = printed.entries().filter(|(_, mask)| *mask < 1 << 24).collect();
        assert_eq!(known.entries().take(printed.len()).collect::<Vec<_>>(), printed, "{kernel}");
        assert!(known.entries().skip(printed.len()).all(|(name, mask)| gfp(kernel).mask(&name[2..]) == Some(mask)));
    }
}

#[test]
fn layouts_differ_and_every_field_that_we_read_is_there() {
    for kernel in KERNELS {
        for (event, fields) in [
            ("mm_page_alloc", &["pfn", "order", "gfp_flags", "migratetype"][..]),
            ("mm_page_free", &["pfn", "order"]),
            ("kmalloc", &["call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags", "node"]),
            ("kfree", &["call_site", "ptr"]),
            ("kmem_cache_alloc", &["call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags", "node"]),
        ] {
            let format = format(kernel, event);
            for field in fields {
                assert!(format.field(field).is_some(), "{kernel} {event} {field}");
            }
        }
    }
    // A __data_loc before bytes_req moves it.
    assert_eq!(format("6.18", "kmem_cache_alloc").field("bytes_req").unwrap().offset, 32);
    assert_eq!(format("6.18", "kmalloc").field("bytes_req").unwrap().offset, 24);
    assert_eq!(format("6.1-i386", "mm_page_alloc").field("pfn").unwrap().size, 4);
}
