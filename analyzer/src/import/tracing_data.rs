//! This module reads the section of `perf.data` that holds the tracepoints' formats, as the traced kernel printed them.
//! The section is laid out like the header of a `trace.dat` of version 0.6.

use std::collections::BTreeMap;

use trace::TracepointFormat;

/// The facts of the section that an import needs.
pub(super) struct TracingData {
    /// The size of a page in bytes.
    pub page_size: u64,
    /// The formats of the tracepoints of the group `kmem`, each with its text, by the tracepoint's name.
    pub formats: BTreeMap<String, (TracepointFormat, String)>,
}

/// Reads the section. Returns `None` if the section is not laid out as it should be.
pub(super) fn parse(section: &[u8]) -> Option<TracingData> {
    let mut cursor = Cursor(section);
    (cursor.take(10)? == b"\x17\x08\x44tracing").then_some(())?;
    let _version = cursor.text()?;
    // The numbers that follow are in the traced machine's byte order, which is little-endian: `PerfFile::open` refuses
    // files of big-endian machines.
    let &[_big_endian, _long] = cursor.take(2)? else { return None };
    let page_size = u64::from(cursor.u32()?);
    for name in ["header_page", "header_event"] {
        (cursor.text()? == name).then_some(())?;
        let _data = cursor.sized()?;
    }
    for _ftrace in 0..cursor.u32()? {
        let _format = cursor.sized()?;
    }
    let mut formats = BTreeMap::new();
    for _system in 0..cursor.u32()? {
        let system = cursor.text()?;
        for _event in 0..cursor.u32()? {
            let text = String::from_utf8_lossy(cursor.sized()?).into_owned();
            if system == "kmem"
                && let Ok(format) = TracepointFormat::parse(&text)
            {
                formats.insert(format.name.clone(), (format, text));
            }
        }
    }
    page_size.is_power_of_two().then_some(TracingData { page_size, formats })
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Reads a length of 8 bytes, and that many bytes after it.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let len = u64::from_le_bytes(self.take(8)?.try_into().ok()?);
        self.take(len.try_into().ok()?)
    }

    /// Reads a text that ends with a zero byte.
    fn text(&mut self) -> Option<&'a str> {
        let len = self.0.iter().position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(self.take(len)?).ok()?;
        self.take(1)?;
        Some(text)
    }
}
