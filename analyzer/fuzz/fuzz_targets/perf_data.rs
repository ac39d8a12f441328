//! This target imports any bytes as a `perf.data`. The result must be an error or a trace that reads back, never a
//! crash. `make fuzz` runs it.
#![no_main]

#[path = "../../src/import/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other target uses the rest")]
mod import;

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use trace::Trace;

fuzz_target!(|file: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let symbols = import::Kallsyms::read(&b"ffffffff81000000 T _text\nffffffffff000000 T _end\n"[..]);
    if let Ok(imported) = import::import_perf_data(Cursor::new(file), "fuzz", dir.path(), &symbols, &[]) {
        let trace = Trace::open(dir.path()).unwrap();
        assert_eq!(trace.verify(), []);
        assert_eq!(trace.rows_of("page") + trace.rows_of("slab"), imported.events);
    }
});
