//! This target imports any bytes as the text of ftrace or `perf script`. The result must be an error or a trace that
//! reads back, never a crash. `make fuzz` runs it.
#![no_main]

#[path = "../../src/import/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other target uses the rest")]
mod import;

use libfuzzer_sys::fuzz_target;
use trace::{Trace, TracepointFormat};

fuzz_target!(|text: &[u8]| {
    let format = TracepointFormat::parse(include_str!("../../../trace/fixtures/kernel/6.12/events/kmem/mm_page_alloc/format")).unwrap();
    let gfp = format.gfp_table().unwrap();
    let origin = import::Origin { kernel: "6.12".into(), gfp, page_size: 4096, command: vec![] };
    let dir = tempfile::tempdir().unwrap();
    if let Ok(imported) = import::import_text(text, "fuzz", dir.path(), &origin) {
        let trace = Trace::open(dir.path()).unwrap();
        assert_eq!(trace.verify(), []);
        assert_eq!(trace.rows_of("page") + trace.rows_of("slab"), imported.events);
    }
});
