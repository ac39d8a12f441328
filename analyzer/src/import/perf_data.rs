//! This module imports `perf.data` as `perf record -e kmem:…` writes it: records with the raw bytes of the tracepoints,
//! and the tracepoints' formats, which tell the fields in these bytes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{Read, Seek},
    path::Path,
};

use trace::{Kind, NO_PFN, PageEvent, SlabEvent, Stack, Symbol, TracepointFormat, UNKNOWN_ZONE};

use super::{
    error::Error,
    imported::Imported,
    kallsyms::Kallsyms,
    line::EVENTS,
    origin::Origin,
    perf_file::{ARCH, HOSTNAME, NUMA_TOPOLOGY, OS_RELEASE, PerfFile, Record, Sample, TRACING_DATA},
    sink::Sink,
    tracing_data,
};

/// Reads a `perf.data` and writes its events as a trace directory. The kernel's addresses stay as they are, so a call
/// site's address is the number of its symbol.
///
/// # Errors
/// Returns [`Error::Input`] if the file is no `perf.data` with kmem events, and [`Error::Trace`] if the trace cannot be
/// written.
pub fn import(
    file: impl Read + Seek,
    name: &str,
    dir: &Path,
    symbols: &Kallsyms,
    command: &[String],
) -> Result<Imported, Error> {
    let failed = |reason: String| Error::Input { what: name.to_owned(), reason };
    let mut file = PerfFile::open(file).map_err(failed)?;
    let tracing = file.section(TRACING_DATA).and_then(tracing_data::parse);
    let tracing =
        tracing.ok_or_else(|| failed("it has no tracepoints: record with perf record -e 'kmem:*'".to_owned()))?;
    let gfp = ["mm_page_alloc", "kmalloc"].iter().find_map(|event| tracing.formats.get(*event)?.0.gfp_table().ok());
    let origin = Origin {
        kernel: file.text(OS_RELEASE).unwrap_or_else(|| "unknown".to_owned()),
        gfp: gfp.unwrap_or_default(),
        page_size: tracing.page_size,
        command: command.to_vec(),
    };
    let mut sink = Sink::create(dir, &origin)?;
    about_machine(&mut sink, &file);
    sink.header.tracepoints = tracing.formats.iter().map(|(name, (_, text))| (name.clone(), text.clone())).collect();
    let (known, comms, stacks) = (HashSet::new(), HashMap::new(), HashMap::new());
    let mut import = Import { sink, layouts: layouts(&tracing.formats), symbols, known, comms, stacks };
    let outcome = loop {
        match file.next().map_err(failed) {
            Ok(None) if import.sink.imported.events == 0 => {
                break Err(failed("it has no kmem event: record with perf record -e 'kmem:*'".to_owned()));
            }
            Ok(None) => break Ok(()),
            Ok(Some((time, record))) => {
                if let Err(error) = import.record(time, record, name) {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    if let Err(error) = outcome {
        import.sink.abandon();
        return Err(error);
    }
    import.sink.finish()
}

/// Fills the trace's header with the file's facts about the machine.
fn about_machine<R: Read + Seek>(sink: &mut Sink<'_>, file: &PerfFile<R>) {
    let header = &mut sink.header;
    header.raw_addresses = true;
    // Every page event has a stack: its call chain, or at least the one address where the event happened.
    header.stack_sample = 1;
    "perf's".clone_into(&mut header.clock.name);
    header.host = file.text(HOSTNAME).unwrap_or_else(|| header.host.clone());
    header.architecture = file.text(ARCH).unwrap_or_default();
    header.cpu_node = file.section(NUMA_TOPOLOGY).and_then(cpu_node).unwrap_or_default();
}

/// Returns the node of each CPU. The section has, for each node, a number, two sizes of memory, and a list of CPUs such
/// as `0-3,8`.
fn cpu_node(section: &[u8]) -> Option<Vec<u16>> {
    let mut nodes = Vec::new();
    let (count, mut rest) = section.split_first_chunk::<4>()?;
    for _node in 0..u32::from_le_bytes(*count) {
        let (head, tail) = rest.split_first_chunk::<24>()?;
        let (node, len) = (u32::from_le_bytes(*head.first_chunk()?), u32::from_le_bytes(*head.last_chunk()?));
        let (cpus, tail) = tail.split_at_checked(len as usize)?;
        rest = tail;
        let cpus = std::str::from_utf8(cpus).ok()?.trim_end_matches('\0');
        for range in cpus.split(',').filter(|range| !range.is_empty()) {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let (from, to) = (from.parse::<u16>().ok()?, to.parse::<u16>().ok()?);
            if nodes.len() <= usize::from(to) {
                nodes.resize(usize::from(to) + 1, 0);
            }
            nodes.get_mut(usize::from(from)..=usize::from(to))?.fill(node as u16);
        }
    }
    Some(nodes)
}

/// The offset and the size in bytes of each field in the raw bytes of a tracepoint.
struct Layout {
    kind: Kind,
    fields: HashMap<&'static str, (usize, usize)>,
}

/// The fields of the tracepoints that are read.
const FIELDS: [&str; 10] =
    ["name", "pfn", "order", "gfp_flags", "migratetype", "ptr", "call_site", "bytes_req", "bytes_alloc", "node"];

fn layouts(formats: &BTreeMap<String, (TracepointFormat, String)>) -> HashMap<u16, Layout> {
    let layout = |(name, kind): &(&str, Kind)| {
        let (format, _) = formats.get(*name)?;
        let place = |field: &&'static str| {
            format.field(field).map(|place| (*field, (place.offset as usize, place.size as usize)))
        };
        Some((format.id as u16, Layout { kind: *kind, fields: FIELDS.iter().filter_map(place).collect() }))
    };
    EVENTS.iter().filter_map(layout).collect()
}

impl Layout {
    /// Reads a field that is a little-endian number of up to 8 bytes.
    fn number(&self, raw: &[u8], field: &str) -> Option<u64> {
        let (offset, size) = self.fields.get(field)?;
        let bytes = raw.get(*offset..offset.checked_add(*size)?).filter(|bytes| bytes.len() <= 8)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Reads a field that is a text of any length (`__data_loc char[]`). The field's lower 16 bits are the text's
    /// offset in the record, and the upper 16 bits are its length with the zero byte.
    fn text<'a>(&self, raw: &'a [u8], field: &str) -> Option<&'a str> {
        let place = self.number(raw, field)? as u32;
        let (offset, length) = ((place & 0xffff) as usize, (place >> 16) as usize);
        let text = raw.get(offset..offset + length)?;
        std::str::from_utf8(text.split(|byte| *byte == 0).next()?).ok()
    }

    /// Returns whether the traced kernel is a 32-bit one, whose page frame numbers have four bytes.
    fn is_32_bit(&self) -> bool {
        self.fields.get("pfn").is_some_and(|(_, size)| *size == 4)
    }
}

struct Import<'a> {
    sink: Sink<'a>,
    layouts: HashMap<u16, Layout>,
    symbols: &'a Kallsyms,
    /// The addresses that have been looked up already, so that each symbol is added once.
    known: HashSet<u64>,
    /// The name of each thread, by its pid.
    comms: HashMap<u32, String>,
    /// The number of every stack, by its call sites.
    stacks: HashMap<Vec<u64>, u32>,
}

impl Import<'_> {
    fn record(&mut self, time: u64, record: Record, name: &str) -> Result<(), Error> {
        match record {
            Record::Sample(sample) => self.sample(time, &sample, name)?,
            Record::Comm { tid, name } => {
                self.comms.insert(tid, name);
            }
            Record::Fork { tid, parent } => {
                if let Some(comm) = self.comms.get(&parent).cloned() {
                    self.comms.insert(tid, comm);
                }
            }
            Record::Lost(events) => self.sink.imported.lost = self.sink.imported.lost.saturating_add(events),
            Record::Other => self.sink.imported.other += 1,
        }
        Ok(())
    }

    fn sample(&mut self, time: u64, sample: &Sample, name: &str) -> Result<(), Error> {
        let raw = &sample.raw[..];
        let Some(layout) = raw.first_chunk().and_then(|id| self.layouts.get(&u16::from_le_bytes(*id))) else {
            self.sink.imported.other += 1;
            return Ok(());
        };
        let kind = layout.kind;
        let missing = |field: &str| Error::Input {
            what: name.to_owned(),
            reason: format!("a {} has no field `{field}`", kind.name()),
        };
        let number = |field: &'static str| layout.number(raw, field).ok_or_else(|| missing(field));
        let (pid, cpu) = (sample.tid, sample.cpu as u16);
        let allocates = matches!(kind, Kind::PageAlloc | Kind::Kmalloc | Kind::CacheAlloc);
        let gfp = if allocates { number("gfp_flags")? as u32 } else { 0 };
        let in_order = if matches!(kind, Kind::PageAlloc | Kind::PageFree) {
            let pfn = number("pfn")?;
            let pfn = if layout.is_32_bit() && pfn == u64::from(u32::MAX) { NO_PFN } else { pfn };
            let order = number("order")?.try_into().ok().filter(|order| *order < 32).ok_or_else(|| missing("order"))?;
            let migratetype = if allocates { number("migratetype")? as u8 } else { u8::MAX };
            let stack = self.stack(sample)?;
            let event =
                PageEvent { time, pid, cpu, kind: kind as u8, order, pfn, gfp, migratetype, zone: UNKNOWN_ZONE, stack };
            self.sink.page(kind, event)?
        } else {
            let (object, call_site) = (number("ptr")?, layout.number(raw, "call_site").unwrap_or(0));
            let bytes = |field| {
                if allocates { number(field).map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX)) } else { Ok(0) }
            };
            let (bytes_req, bytes_alloc) = (bytes("bytes_req")?, bytes("bytes_alloc")?);
            let node = layout.number(raw, "node").map_or(-1, |node| node as i16);
            let mut event = SlabEvent {
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
            if let Some(cache) = layout.text(raw, "name").filter(|name| !name.is_empty()) {
                event.cache = self.sink.cache(cache, &event);
            }
            self.symbol(call_site, time)?;
            self.sink.object(kind, event)?
        };
        let comm = if pid == 0 { "swapper" } else { self.comms.get(&pid).map_or("", String::as_str) };
        self.sink.task(time, pid, sample.pid, comm)?;
        if in_order {
            return Ok(());
        }
        Err(Error::Input {
            what: name.to_owned(),
            reason: "its records are far out of order: it is damaged, or was written by no perf".to_owned(),
        })
    }

    /// Returns the number of the sample's stack. A sample without a call chain has a stack of one call site, the
    /// address where the event happened.
    fn stack(&mut self, sample: &Sample) -> Result<u32, Error> {
        let chain = if sample.callchain.is_empty() { vec![sample.ip] } else { sample.callchain.clone() };
        if let Some(number) = self.stacks.get(&chain) {
            return Ok(*number);
        }
        let id = self.stacks.len() as u32 + 1;
        for (depth, symbol) in chain.iter().enumerate() {
            self.symbol(*symbol, sample.time)?;
            self.sink.stack(Stack { time: sample.time, id, depth: depth as u16, symbol: *symbol })?;
        }
        self.stacks.insert(chain, id);
        Ok(id)
    }

    fn symbol(&mut self, address: u64, time: u64) -> Result<(), Error> {
        if address == 0 || !self.known.insert(address) {
            return Ok(());
        }
        let Some((function, offset, module)) = self.symbols.find(address) else { return Ok(()) };
        self.sink.symbol(Symbol { time, id: address, function: function.to_owned(), offset, module: module.to_owned() })
    }
}
