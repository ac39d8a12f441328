//! This module imports the text of ftrace and `perf script`.

use std::{collections::HashMap, io::BufRead, path::Path};

use trace::{Kind, NO_PFN, PageEvent, SlabEvent, Symbol, UNKNOWN_ZONE};

use super::{
    error::Error,
    imported::Imported,
    line::{Event, Line},
    origin::Origin,
    sink::Sink,
};

/// Reads a text and writes its events as a trace directory.
///
/// The text says nothing about zones, nodes or free memory, and its pointers may be hashed. So such a trace lacks these
/// facts, and the results that need them.
///
/// # Errors
/// Returns [`Error::Input`] for the first line that cannot be read, and [`Error::Trace`] if the trace cannot be
/// written.
pub fn import(text: impl BufRead, name: &str, dir: &Path, origin: &Origin) -> Result<Imported, Error> {
    let mut import = Import { sink: Sink::create(dir, origin)?, masks: HashMap::new(), symbols: HashMap::new() };
    if let Err(error) = import.lines(text, name) {
        import.sink.abandon();
        return Err(error);
    }
    import.sink.finish()
}

struct Import<'a> {
    sink: Sink<'a>,
    masks: HashMap<String, u32>,
    symbols: HashMap<String, u64>,
}

/// The failure to import a line.
enum Failed {
    Line(String),
    Trace(Error),
}

impl From<String> for Failed {
    fn from(reason: String) -> Self {
        Self::Line(reason)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Trace(error)
    }
}

impl Import<'_> {
    fn lines(&mut self, mut text: impl BufRead, name: &str) -> Result<(), Error> {
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let at = |reason: String| Error::Input { what: format!("line {number} of {name}"), reason };
            if text.read_until(b'\n', &mut line).map_err(|error| at(error.to_string()))? == 0 {
                break;
            }
            // A task's name may hold any bytes. Those that are not UTF-8 become replacement characters.
            let line = String::from_utf8_lossy(&line);
            match Line::parse(line.trim_end()).map_err(|reason| at(reason.to_owned()))? {
                Line::Event(event) => self.event(&event).map_err(|failed| match failed {
                    Failed::Line(reason) => at(reason),
                    Failed::Trace(error) => error,
                })?,
                Line::Lost(events) => self.sink.imported.lost = self.sink.imported.lost.saturating_add(events),
                Line::Other => {
                    self.sink.imported.other += 1;
                    self.overwritten(&line);
                }
            }
        }
        if self.sink.imported.events == 0 {
            let reason =
                "it has no kmem event; give the output of `trace-cmd report`, `perf script` or tracefs' trace file"
                    .to_owned();
            return Err(Error::Input { what: name.to_owned(), reason });
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), Failed> {
        let Event { kind, pid, cpu, time, .. } = *event;
        let missing = |field: &str| format!("its {} has no readable field `{field}`", kind.name());
        let number = |field: &str| event.number(field).ok_or_else(|| missing(field));
        self.sink.task(time, pid, event.tgid.unwrap_or(pid), event.comm)?;
        let allocates = matches!(kind, Kind::PageAlloc | Kind::Kmalloc | Kind::CacheAlloc);
        let gfp = if allocates { self.mask(event.field("gfp_flags").ok_or_else(|| missing("gfp_flags"))?)? } else { 0 };
        let in_order = if matches!(kind, Kind::PageAlloc | Kind::PageFree) {
            let pfn = number("pfn")?;
            // A failed request is printed with the frame 0 and the page NULL.
            let failed = allocates && pfn == 0 && event.pointer("page") == Some(0);
            // A 32-bit kernel prints `-1UL`, which stands for no page, as 2^32-1.
            let pfn = if failed || pfn == u64::from(u32::MAX) { NO_PFN } else { pfn };
            let order = number("order")?.try_into().ok().filter(|order| *order < 32).ok_or_else(|| missing("order"))?;
            let migratetype = if allocates {
                number("migratetype")?.try_into().map_err(|_| missing("migratetype"))?
            } else {
                u8::MAX
            };
            self.sink.page(
                kind,
                PageEvent {
                    time,
                    pid,
                    cpu,
                    kind: kind as u8,
                    order,
                    pfn,
                    gfp,
                    migratetype,
                    zone: UNKNOWN_ZONE,
                    stack: 0,
                },
            )?
        } else {
            let object = event.pointer("ptr").ok_or_else(|| missing("ptr"))?;
            let call_site = match event.field("call_site") {
                Some(site) => self.symbol(site, time)?,
                None => 0,
            };
            let bytes = |field: &str| {
                if allocates { number(field).map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX)) } else { Ok(0) }
            };
            let node = event.field("node").and_then(|node| node.parse().ok()).unwrap_or(-1);
            let (bytes_req, bytes_alloc) = (bytes("bytes_req")?, bytes("bytes_alloc")?);
            let mut slab = SlabEvent {
                time,
                pid,
                cpu,
                kind: kind as u8,
                object,
                call_site,
                bytes_req,
                bytes_alloc,
                gfp,
                node,
                cache: 0,
            };
            if let Some(name) = event.field("name").filter(|name| !name.is_empty()) {
                slab.cache = self.sink.cache(name, &slab);
            }
            self.sink.object(kind, slab)?
        };
        if in_order {
            Ok(())
        } else {
            Err(Failed::Line("it is far older than the lines before it: sort the text by time".to_owned()))
        }
    }

    fn mask(&mut self, names: &str) -> Result<u32, String> {
        if let Some(mask) = self.masks.get(names) {
            return Ok(*mask);
        }
        let mask = self.sink.mask(names)?;
        self.masks.insert(names.to_owned(), mask);
        Ok(mask)
    }

    /// Returns the number of a call site such as `vfs_read+0x1c/0x90`, or of a bare address. A new call site is added
    /// to the trace.
    fn symbol(&mut self, site: &str, time: u64) -> Result<u64, Error> {
        if let Some(number) = self.symbols.get(site) {
            return Ok(*number);
        }
        let (function, offset) = match site.split_once('+') {
            Some((function, rest)) => {
                let hex = rest.split('/').next().unwrap_or("").trim_start_matches("0x");
                (function, u64::from_str_radix(hex, 16).unwrap_or(0))
            }
            None => (site, 0),
        };
        let id = self.symbols.len() as u64 + 1;
        self.sink.symbol(Symbol { time, id, function: function.to_owned(), offset, module: String::new() })?;
        self.symbols.insert(site.to_owned(), id);
        Ok(id)
    }

    /// Adds the overwritten events to the lost ones, from a comment such as `# entries-in-buffer/entries-written:
    /// 1106/2000   #P:2`.
    fn overwritten(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("# entries-in-buffer/entries-written:") else { return };
        let counts = counts.split_whitespace().next().and_then(|counts| counts.split_once('/'));
        if let Some((Ok(kept), Ok(written))) =
            counts.map(|(kept, written)| (kept.parse::<u64>(), written.parse::<u64>()))
        {
            self.sink.imported.lost = self.sink.imported.lost.saturating_add(written.saturating_sub(kept));
        }
    }
}
