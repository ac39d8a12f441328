//! The sink of an import: a trace that is written while the input is read, so that memory does not grow with the input.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use trace::{
    Cache, Clock, GfpTable, Header, Kind, Ledger, Options, PageEvent, Row, SlabEvent, Stack, Symbol, Task, Tool, Writer,
};

use super::{error::Error, imported::Imported, origin::Origin};

/// The number of events that are held back to be sorted, since tools print the events of several CPUs only nearly in
/// time order.
const WINDOW: usize = 1 << 19;

/// A trace that is being written.
pub(super) struct Sink<'a> {
    dir: &'a Path,
    writer: Writer,
    pub header: Header,
    pages: Window<PageEvent>,
    objects: Window<SlabEvent>,
    /// The process and the name of every thread in its latest event, by pid.
    tasks: HashMap<u32, (u32, String)>,
    /// Rows of the table `task`, until there are enough for a batch.
    named: Vec<Task>,
    /// Rows of the table `symbol`, until there are enough for a batch.
    symbols: Vec<Symbol>,
    /// Rows of the table `stack`, until there are enough for a batch.
    stacks: Vec<Stack>,
    /// The slab caches that the events named, by name.
    caches: HashMap<String, Cache>,
    counts: BTreeMap<(u16, &'static str), u64>,
    first: u64,
    last: u64,
    pub imported: Imported,
}

/// The latest events, which are not written yet, and the time of the last written one (ns).
struct Window<R> {
    rows: Vec<R>,
    written: u64,
}

impl<R: Row> Window<R> {
    /// Adds an event. Returns `false` if the event is older than the last written one, which is an error of the input:
    /// the caller names its place.
    fn push(&mut self, row: R, writer: &mut Writer) -> Result<bool, Error> {
        if row.time() < self.written {
            return Ok(false);
        }
        self.rows.push(row);
        if self.rows.len() >= 2 * WINDOW {
            self.write(WINDOW, writer)?;
        }
        Ok(true)
    }

    fn write(&mut self, rows: usize, writer: &mut Writer) -> Result<(), Error> {
        self.rows.sort_by_key(Row::time);
        let rest = self.rows.split_off(rows.min(self.rows.len()));
        let oldest = std::mem::replace(&mut self.rows, rest);
        self.written = oldest.last().map_or(self.written, Row::time);
        append(writer, &oldest)
    }
}

/// The number of rows of a small table that make a batch. A batch for each row would take longer to read than all
/// events.
const BATCH: usize = 1 << 12;

fn gather<R: Row>(rows: &mut Vec<R>, row: R, writer: &mut Writer) -> Result<(), Error> {
    rows.push(row);
    if rows.len() >= BATCH {
        append(writer, rows)?;
        rows.clear();
    }
    Ok(())
}

fn append<R: Row>(writer: &mut Writer, rows: &[R]) -> Result<(), Error> {
    writer.append(rows).map_err(|(error, _rows)| Error::Trace(error))
}

impl<'a> Sink<'a> {
    /// Creates the trace. [`Sink::finish`] adds the facts to the header that only the end of the input tells.
    pub fn create(dir: &'a Path, origin: &Origin) -> Result<Self, Error> {
        let header = Header {
            tool: Tool {
                name: "analyzer import".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                command: origin.command.clone(),
            },
            host: "unknown (imported)".into(),
            kernel: origin.kernel.clone(),
            clock: Clock { name: "the imported trace's".into(), utc_offset_ns: 0, start_ns: 0, end_ns: 0 },
            page_size: origin.page_size,
            gfp: origin.gfp.clone(),
            ..Header::default()
        };
        let writer = Writer::create(dir, &header, Options::default())?;
        Ok(Self {
            dir,
            writer,
            header,
            pages: Window { rows: Vec::new(), written: 0 },
            objects: Window { rows: Vec::new(), written: 0 },
            tasks: HashMap::new(),
            named: Vec::new(),
            symbols: Vec::new(),
            stacks: Vec::new(),
            caches: HashMap::new(),
            counts: BTreeMap::new(),
            first: u64::MAX,
            last: 0,
            imported: Imported::default(),
        })
    }

    /// Adds a row to the table `task` if the thread's process or name is new.
    pub fn task(&mut self, time: u64, pid: u32, tgid: u32, comm: &str) -> Result<(), Error> {
        if self.tasks.get(&pid).is_some_and(|(known, name)| *known == tgid && name == comm) {
            return Ok(());
        }
        self.tasks.insert(pid, (tgid, comm.to_owned()));
        gather(&mut self.named, Task { time, pid, tgid, comm: comm.to_owned(), cgroup: 0 }, &mut self.writer)
    }

    /// Adds the symbol of a call site.
    pub fn symbol(&mut self, symbol: Symbol) -> Result<(), Error> {
        gather(&mut self.symbols, symbol, &mut self.writer)
    }

    /// Adds one call site of a stack.
    pub fn stack(&mut self, callsite: Stack) -> Result<(), Error> {
        gather(&mut self.stacks, callsite, &mut self.writer)
    }

    /// Returns the number of an event's slab cache by the cache's name. If the event allocates, its sizes become those
    /// of the cache's objects. Returns 0 if all numbers are taken.
    pub fn cache(&mut self, name: &str, event: &SlabEvent) -> u16 {
        if !self.caches.contains_key(name) {
            let Ok(id) = u16::try_from(self.caches.len() + 1) else { return 0 };
            self.caches.insert(
                name.to_owned(),
                Cache { time: event.time, id, name: name.to_owned(), object_size: 0, size: 0 },
            );
        }
        let cache = self.caches.get_mut(name).expect("it is there by now");
        if event.bytes_alloc > 0 {
            (cache.object_size, cache.size) = (event.bytes_req, event.bytes_alloc);
        }
        cache.id
    }

    /// Adds a page event. Returns `false` if the event is too old to be sorted in.
    pub fn page(&mut self, kind: Kind, event: PageEvent) -> Result<bool, Error> {
        self.count(kind, event.time, event.cpu);
        self.header.nr_orders = self.header.nr_orders.max(event.order.min(30) + 1);
        self.pages.push(event, &mut self.writer)
    }

    /// Adds a slab event. Returns `false` if the event is too old to be sorted in.
    pub fn object(&mut self, kind: Kind, event: SlabEvent) -> Result<bool, Error> {
        self.count(kind, event.time, event.cpu);
        // A hashed pointer has 32 bits, while a kernel address is above 2^63.
        self.header.raw_addresses |= event.object >= 1 << 63;
        self.objects.push(event, &mut self.writer)
    }

    fn count(&mut self, kind: Kind, time: u64, cpu: u16) {
        *self.counts.entry((cpu, kind.name())).or_default() += 1;
        (self.first, self.last) = (self.first.min(time), self.last.max(time));
        self.imported.events += 1;
    }

    /// Returns the mask that a text stands for. A name that the chosen kernel does not have gets a bit that this kernel
    /// leaves free, so that the other flags keep their bits.
    pub fn mask(&mut self, names: &str) -> Result<u32, String> {
        loop {
            let unknown = match self.header.gfp.encode(names) {
                Ok(mask) => return Ok(mask),
                Err(unknown) => unknown,
            };
            let is_name = unknown.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            let used = self.header.gfp.entries().fold(0, |bits, (_, mask)| bits | mask);
            if !is_name || !unknown.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') || used == u32::MAX
            {
                return Err(format!(
                    "`{unknown}` is no GFP flag of the chosen kernel; choose the kernel that was traced with --kernel or --like"
                ));
            }
            let free = 1 << used.trailing_ones();
            let entries =
                self.header.gfp.entries().map(|(name, mask)| (name.to_owned(), mask)).chain([(unknown.clone(), free)]);
            self.header.gfp = GfpTable::new(entries.collect());
            self.imported.unknown_flags.push(unknown);
        }
    }

    /// Writes the rest of the rows, the ledger and the header.
    pub fn finish(mut self) -> Result<Imported, Error> {
        self.pages.write(usize::MAX, &mut self.writer)?;
        self.objects.write(usize::MAX, &mut self.writer)?;
        append(&mut self.writer, &self.named)?;
        append(&mut self.writer, &self.symbols)?;
        append(&mut self.writer, &self.stacks)?;
        let mut caches: Vec<Cache> = std::mem::take(&mut self.caches).into_values().collect();
        caches.sort_by_key(|cache| (cache.time, cache.id));
        append(&mut self.writer, &caches)?;
        let (start_ns, end_ns) = (self.first.min(self.last), self.last);
        (self.header.clock.start_ns, self.header.clock.end_ns) = (start_ns, end_ns);
        let cpus = self.counts.keys().map(|(cpu, _)| usize::from(*cpu) + 1).max().unwrap_or(0);
        if self.header.cpu_node.len() < cpus {
            self.header.cpu_node.resize(cpus, 0);
        }
        self.header.finished = Some("imported".into());
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
        let mut ledger: Vec<_> =
            self.counts.iter().map(|((cpu, program), count)| account(*cpu, program, *count, 0)).collect();
        if self.imported.lost > 0 {
            ledger.push(account(Ledger::ALL_CPUS, Ledger::ANY_PROGRAM, 0, self.imported.lost));
        }
        append(&mut self.writer, &ledger)?;
        self.writer.finish(&self.header)?;
        Ok(self.imported)
    }

    /// Removes the trace directory, since half a trace would look like a whole one.
    pub fn abandon(self) {
        drop(self.writer);
        // `Writer::create` accepts only an empty directory, so it holds nothing but this trace. If the removal fails,
        // the header that is left says that the trace is unfinished.
        let _removed = fs::remove_dir_all(self.dir);
    }
}
