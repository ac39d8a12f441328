//! Traces from text that other tools wrote: ftrace and `perf script`.

mod line;

use std::{
    collections::{BTreeMap, HashMap},
    io::BufRead,
    path::Path,
};

use trace::{Clock, GfpTable, Header, Kind, Ledger, NO_PFN, Options, PageEvent, SlabEvent, Symbol, Task, Tool, UNKNOWN_ZONE, Writer};

use self::line::{Event, Line};
use crate::{Error, loss::ANY_PROGRAM};

/// What is known about the traced machine beside the text.
#[derive(Debug, Clone)]
pub struct Origin {
    /// its kernel release, as far as known
    pub kernel: String,
    /// its GFP table: the text has names only
    pub gfp: GfpTable,
    /// bytes per page
    pub page_size: u64,
    /// the command line that imports
    pub command: Vec<String>,
}

/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// events that are in the trace
    pub events: u64,
    /// events that the tool says it lost
    pub lost: u64,
    /// lines that name no event of ours
    pub other_lines: u64,
}

/// Reads a text and writes it as a trace directory.
///
/// The text says nothing about zones, nodes or free memory, and its pointers may be hashed: what needs those is missing in such a trace.
///
/// # Errors
/// [`Error::Text`] names the first line that cannot be understood; [`Error::Trace`] if the trace cannot be written.
pub fn import(text: impl BufRead, name: &str, dir: &Path, origin: &Origin) -> Result<Imported, Error> {
    let mut import = Import::new(&origin.gfp);
    for (number, line) in text.split(b'\n').enumerate() {
        let failed = |reason: String| Error::Text { what: format!("line {} of {name}", number + 1), reason };
        let line = line.map_err(|error| failed(error.to_string()))?;
        // Names of tasks may be anything; what is not UTF-8 is shown as such.
        let line = String::from_utf8_lossy(&line);
        match Line::parse(line.trim_end()).map_err(|reason| failed(reason.to_owned()))? {
            Line::Event(event) => import.event(&event).map_err(failed)?,
            Line::Lost(events) => import.imported.lost += events,
            Line::Other => {
                import.imported.other_lines += 1;
                import.overwritten(&line);
            }
        }
    }
    if import.imported.events == 0 {
        let reason = "it has no kmem event; give the output of `trace-cmd report`, `perf script` or tracefs' trace file".to_owned();
        return Err(Error::Text { what: name.to_owned(), reason });
    }
    import.write(dir, origin)
}

struct Import<'a> {
    gfp: &'a GfpTable,
    masks: HashMap<String, u32>,
    pages: Vec<PageEvent>,
    objects: Vec<SlabEvent>,
    tasks: Vec<Task>,
    comms: HashMap<u32, String>,
    symbols: Vec<Symbol>,
    symbol_numbers: HashMap<String, u64>,
    counts: BTreeMap<(u16, &'static str), u64>,
    imported: Imported,
}

impl<'a> Import<'a> {
    fn new(gfp: &'a GfpTable) -> Self {
        Self {
            gfp,
            masks: HashMap::new(),
            pages: Vec::new(),
            objects: Vec::new(),
            tasks: Vec::new(),
            comms: HashMap::new(),
            symbols: Vec::new(),
            symbol_numbers: HashMap::new(),
            counts: BTreeMap::new(),
            imported: Imported::default(),
        }
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Event { kind, pid, cpu, time, .. } = *event;
        let missing = |field: &str| format!("its {} has no readable field `{field}`", kind.name());
        let number = |field: &str| event.number(field).ok_or_else(|| missing(field));
        if self.comms.get(&pid).is_none_or(|known| known != event.comm) {
            self.comms.insert(pid, event.comm.to_owned());
            self.tasks.push(Task { time, pid, tgid: event.tgid.unwrap_or(pid), comm: event.comm.to_owned() });
        }
        let allocates = matches!(kind, Kind::PageAlloc | Kind::Kmalloc | Kind::CacheAlloc);
        let gfp = if allocates { self.mask(event.field("gfp_flags").ok_or_else(|| missing("gfp_flags"))?)? } else { 0 };
        if matches!(kind, Kind::PageAlloc | Kind::PageFree) {
            let pfn = number("pfn")?;
            // `-1UL` of a 32-bit kernel, too.
            let pfn = if pfn == u64::from(u32::MAX) { NO_PFN } else { pfn };
            let order = number("order")?.try_into().map_err(|_| missing("order"))?;
            let migratetype = if allocates { number("migratetype")?.try_into().map_err(|_| missing("migratetype"))? } else { u8::MAX };
            self.pages.push(PageEvent { time, pid, cpu, kind: kind as u8, order, pfn, gfp, migratetype, zone: UNKNOWN_ZONE });
        } else {
            let object = event.pointer("ptr").ok_or_else(|| missing("ptr"))?;
            let call_site = event.field("call_site").map_or(0, |site| self.symbol(site, time));
            let bytes = |field: &str| if allocates { number(field).map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX)) } else { Ok(0) };
            let node = event.field("node").and_then(|node| node.parse().ok()).unwrap_or(-1);
            let (bytes_req, bytes_alloc) = (bytes("bytes_req")?, bytes("bytes_alloc")?);
            self.objects.push(SlabEvent { time, pid, cpu, kind: kind as u8, object, call_site, bytes_req, bytes_alloc, gfp, node, cache: 0 });
        }
        *self.counts.entry((cpu, kind.name())).or_default() += 1;
        self.imported.events += 1;
        Ok(())
    }

    fn mask(&mut self, names: &str) -> Result<u32, String> {
        if let Some(mask) = self.masks.get(names) {
            return Ok(*mask);
        }
        let unknown = |name| format!("`{name}` is no GFP flag of the chosen kernel; choose the kernel that was traced with --kernel or --like");
        let mask = self.gfp.encode(names).map_err(unknown)?;
        self.masks.insert(names.to_owned(), mask);
        Ok(mask)
    }

    /// `vfs_read+0x1c/0x90`, perhaps with `[module]` behind it; or a bare address.
    fn symbol(&mut self, site: &str, time: u64) -> u64 {
        if let Some(number) = self.symbol_numbers.get(site) {
            return *number;
        }
        let (function, offset) = match site.split_once('+') {
            Some((function, rest)) => {
                let hex = rest.split('/').next().unwrap_or("").trim_start_matches("0x");
                (function, u64::from_str_radix(hex, 16).unwrap_or(0))
            }
            None => (site, 0),
        };
        let id = self.symbols.len() as u64 + 1;
        self.symbols.push(Symbol { time, id, function: function.to_owned(), offset, module: String::new() });
        self.symbol_numbers.insert(site.to_owned(), id);
        id
    }

    /// `# entries-in-buffer/entries-written: 1106/2000   #P:2`: what was overwritten is lost.
    fn overwritten(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("# entries-in-buffer/entries-written:") else { return };
        let counts = counts.split_whitespace().next().and_then(|counts| counts.split_once('/'));
        if let Some((Ok(kept), Ok(written))) = counts.map(|(kept, written)| (kept.parse::<u64>(), written.parse::<u64>())) {
            self.imported.lost += written.saturating_sub(kept);
        }
    }

    fn write(mut self, dir: &Path, origin: &Origin) -> Result<Imported, Error> {
        // Tools print per CPU buffer by buffer, nearly in order.
        self.pages.sort_by_key(|event| event.time);
        self.objects.sort_by_key(|event| event.time);
        let times = || self.pages.iter().map(|event| event.time).chain(self.objects.iter().map(|event| event.time));
        let (start_ns, end_ns) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        let last_cpu = self.counts.keys().map(|(cpu, _)| *cpu).max().unwrap_or(0);
        let largest = self.pages.iter().map(|event| event.order).max().unwrap_or(0);
        let header = Header {
            format: Header::FORMAT,
            tool: Tool { name: "analyzer import".into(), version: env!("CARGO_PKG_VERSION").into(), command: origin.command.clone() },
            host: "unknown (imported)".into(),
            kernel: origin.kernel.clone(),
            architecture: String::new(),
            boot_id: String::new(),
            clock: Clock { name: "the imported trace's".into(), utc_offset_ns: 0, start_ns, end_ns },
            page_size: origin.page_size,
            pageblock_order: 9,
            nr_orders: largest.max(10) + 1,
            cpu_node: vec![0; usize::from(last_cpu) + 1],
            zones: Vec::new(),
            migratetypes: Vec::new(),
            gfp: origin.gfp.clone(),
            kinds: Header::kinds(),
            tracepoints: BTreeMap::new(),
            options: BTreeMap::new(),
            sample: 1,
            // Hashed pointers have 32 bits; a kernel address has its upper half set.
            raw_addresses: self.objects.iter().any(|event| event.object >= 1 << 63),
            objects_are_physical: false,
            finished: Some("imported".into()),
        };
        let mut writer = Writer::create(dir, &header, Options::default())?;
        let failed = |(error, _rows): (trace::Error, usize)| Error::Trace(error);
        writer.append(&self.tasks).map_err(failed)?;
        writer.append(&self.symbols).map_err(failed)?;
        writer.append(&self.pages).map_err(failed)?;
        writer.append(&self.objects).map_err(failed)?;
        let account = |cpu, program: &str, written, dropped| Ledger {
            time: end_ns,
            cpu,
            program: program.to_owned(),
            seen: written + dropped,
            written,
            dropped,
            filtered: 0,
            missed: 0,
        };
        let mut ledger: Vec<_> = self.counts.iter().map(|((cpu, program), count)| account(*cpu, program, *count, 0)).collect();
        if self.imported.lost > 0 {
            ledger.push(account(Ledger::ALL_CPUS, ANY_PROGRAM, 0, self.imported.lost));
        }
        writer.append(&ledger).map_err(failed)?;
        writer.finish(&header)?;
        Ok(self.imported)
    }
}
