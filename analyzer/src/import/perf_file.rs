//! This module reads the file format of `perf record` (`tools/perf/Documentation/perf.data-file-format.txt`), as far as
//! tracepoints need it: the sections, and the records in the order of their times.

use std::{
    collections::HashMap,
    io::{Read, Seek, SeekFrom},
};

/// The sections that follow the records, by their bit in the file header.
pub(super) const TRACING_DATA: usize = 1;
pub(super) const HOSTNAME: usize = 3;
pub(super) const OS_RELEASE: usize = 4;
pub(super) const ARCH: usize = 6;
pub(super) const NUMA_TOPOLOGY: usize = 14;

/// The bits of `perf_event_attr.sample_type`, which tell the numbers that a sample has.
const IP: u64 = 1;
const TID: u64 = 1 << 1;
const TIME: u64 = 1 << 2;
const ADDR: u64 = 1 << 3;
const READ: u64 = 1 << 4;
const CALLCHAIN: u64 = 1 << 5;
const ID: u64 = 1 << 6;
const CPU: u64 = 1 << 7;
const PERIOD: u64 = 1 << 8;
const STREAM_ID: u64 = 1 << 9;
const RAW: u64 = 1 << 10;
const IDENTIFIER: u64 = 1 << 16;

/// The types of the kernel's records.
const LOST: u32 = 2;
const COMM: u32 = 3;
const FORK: u32 = 7;
const SAMPLE: u32 = 9;
const LOST_SAMPLES: u32 = 13;
/// The least type of the records that perf writes, not the kernel. These have no time.
const USER: u32 = 64;
const FINISHED_ROUND: u32 = 68;
const COMPRESSED: [u32; 2] = [81, 83];

/// The size in bytes of the largest section that is read. The limit keeps a damaged file from taking all memory.
const LARGEST_SECTION: u64 = 256 << 20;

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Sample(Sample),
    Comm { tid: u32, name: String },
    Fork { tid: u32, parent: u32 },
    Lost(u64),
    Other,
}

/// One hit of a tracepoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sample {
    pub ip: u64,
    pub pid: u32,
    pub tid: u32,
    pub time: u64,
    pub cpu: u32,
    /// The return addresses in the kernel, innermost first.
    pub callchain: Vec<u64>,
    pub raw: Vec<u8>,
}

/// The reason why a file cannot be read, as a sentence.
pub(super) type Reason = String;

/// A `perf.data` whose sections are read, and whose records are read one round at a time.
pub(super) struct PerfFile<R> {
    file: R,
    /// The bytes of records that are not read yet.
    left: u64,
    sections: HashMap<usize, Vec<u8>>,
    /// The `sample_type` of every event, by the event's id.
    layouts: HashMap<u64, u64>,
    /// The `sample_type` of the first event, for files in which all events have the same one.
    layout: u64,
    sample_id_all: bool,
    /// The records that an older one may still follow, each with its time (ns) and its place in the file.
    waiting: Vec<(u64, u64, Record)>,
    ready: std::vec::IntoIter<(u64, u64, Record)>,
    place: u64,
    /// The latest time (ns) of the round before the current one.
    horizon: u64,
    latest: u64,
}

impl<R: Read + Seek> PerfFile<R> {
    /// Opens a file and reads everything but the records.
    pub fn open(mut file: R) -> Result<Self, Reason> {
        let mut header = [0; 104];
        file.read_exact(&mut header).map_err(|_| "it is too short for a perf.data".to_owned())?;
        match &header[..8] {
            b"PERFILE2" => {}
            b"2ELIFREP" => {
                return Err(
                    "it was recorded on a big-endian machine: import what `perf script` prints there".to_owned()
                );
            }
            _ => return Err("it does not begin with PERFILE2".to_owned()),
        }
        let word = |at: usize| u64::from_le_bytes(*header[at..].first_chunk().expect("within the header"));
        let (attr_size, attrs, data, features) = (word(16), (word(24), word(32)), (word(40), word(48)), word(72));
        if word(8) < 104 || data.1 == 0 {
            return Err("perf was stopped before it finished the file, or wrote it to a pipe".to_owned());
        }
        let mut opened = Self {
            file,
            left: data.1,
            sections: HashMap::new(),
            layouts: HashMap::new(),
            layout: 0,
            sample_id_all: false,
            waiting: Vec::new(),
            ready: Vec::new().into_iter(),
            place: 0,
            horizon: 0,
            latest: 0,
        };
        let attrs = opened_section(&mut opened.file, attrs)?;
        opened.events(attr_size, &attrs)?;
        let table = data.0.checked_add(data.1).ok_or("its sections are damaged")?;
        for (number, bit) in (0..64).filter(|bit| features & (1 << bit) != 0).enumerate() {
            let place = opened_section(&mut opened.file, (table.saturating_add(16 * number as u64), 16))?;
            if [TRACING_DATA, HOSTNAME, OS_RELEASE, ARCH, NUMA_TOPOLOGY].contains(&bit) {
                let section = (word_at(&place, 0).unwrap_or(0), word_at(&place, 8).unwrap_or(0));
                opened.sections.insert(bit, opened_section(&mut opened.file, section)?);
            }
        }
        opened.file.seek(SeekFrom::Start(data.0)).map_err(|error| error.to_string())?;
        Ok(opened)
    }

    /// Reads the layout of the samples of each event.
    fn events(&mut self, attr_size: u64, attrs: &[u8]) -> Result<(), Reason> {
        let damaged = || "its list of events is damaged".to_owned();
        let size = usize::try_from(attr_size).ok().filter(|size| *size >= 64).ok_or_else(damaged)?;
        for (number, attr) in attrs.chunks_exact(size).enumerate() {
            let (sample_type, flags) = (word_at(attr, 24).ok_or_else(damaged)?, word_at(attr, 40).ok_or_else(damaged)?);
            if number == 0 {
                (self.layout, self.sample_id_all) = (sample_type, flags & (1 << 18) != 0);
            }
            let ids = (word_at(attr, size - 16).ok_or_else(damaged)?, word_at(attr, size - 8).ok_or_else(damaged)?);
            let ids = opened_section(&mut self.file, ids)?;
            self.layouts.extend(ids.chunks_exact(8).filter_map(|id| Some((word_at(id, 0)?, sample_type))));
        }
        if self.layout & TIME == 0 || self.layout & RAW == 0 {
            return Err("its samples have no time or no raw data: record with perf record -e 'kmem:*'".to_owned());
        }
        // If layouts differ, only an identifier stands at the same place in all samples, and tells a sample's event.
        let same = self.layouts.values().all(|layout| *layout == self.layout);
        if !same && !self.layouts.values().all(|layout| layout & IDENTIFIER != 0) {
            return Err("its events are laid out differently and have no identifier".to_owned());
        }
        Ok(())
    }

    pub fn section(&self, bit: usize) -> Option<&[u8]> {
        self.sections.get(&bit).map(Vec::as_slice)
    }

    /// Returns the text of a section that holds one text after its length.
    pub fn text(&self, bit: usize) -> Option<String> {
        let text = self.section(bit)?.get(4..)?;
        Some(String::from_utf8_lossy(text.split(|byte| *byte == 0).next()?).into_owned())
    }

    /// Returns the next record in the order of times (ns), or `None` at the end.
    pub fn next(&mut self) -> Result<Option<(u64, Record)>, Reason> {
        loop {
            if let Some((time, _, record)) = self.ready.next() {
                return Ok(Some((time, record)));
            }
            if self.left == 0 && self.waiting.is_empty() {
                return Ok(None);
            }
            self.round()?;
        }
    }

    /// Reads the records up to the end of a round. No later round has a record that is older than the latest one of the
    /// round before this, so the records up to that time are ready.
    fn round(&mut self) -> Result<(), Reason> {
        while self.left > 0 {
            let mut header = [0; 8];
            self.read(&mut header)?;
            let (kind, size) = (
                u32::from_le_bytes(*header.first_chunk().expect("8 bytes")),
                u16::from_le_bytes([header[6], header[7]]),
            );
            let mut body = vec![0; usize::from(size).checked_sub(8).ok_or("it is damaged: a record without a header")?];
            self.read(&mut body)?;
            match kind {
                FINISHED_ROUND => {
                    let horizon = std::mem::replace(&mut self.horizon, self.latest);
                    self.give_out(horizon);
                    return Ok(());
                }
                kind if COMPRESSED.contains(&kind) => {
                    return Err("its records are compressed: record without -z".to_owned());
                }
                kind if kind >= USER => {}
                kind => {
                    let (time, record) =
                        self.record(kind, &body).ok_or("it is damaged: a record is shorter than it says")?;
                    self.latest = self.latest.max(time);
                    self.place += 1;
                    self.waiting.push((time, self.place, record));
                }
            }
        }
        self.give_out(u64::MAX);
        Ok(())
    }

    fn give_out(&mut self, horizon: u64) {
        self.waiting.sort_unstable_by_key(|(time, place, _)| (*time, *place));
        let later = self.waiting.split_off(self.waiting.partition_point(|(time, ..)| *time <= horizon));
        self.ready = std::mem::replace(&mut self.waiting, later).into_iter();
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Reason> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or("it is damaged: its last record is cut off")?;
        self.file.read_exact(bytes).map_err(|error| format!("it ends too early: {error}"))
    }

    /// Reads a record of the kernel's with its time in ns, which is 0 if the record has none.
    fn record(&self, kind: u32, body: &[u8]) -> Option<(u64, Record)> {
        let record = match kind {
            SAMPLE => {
                let layout = if self.layout & IDENTIFIER != 0 {
                    *self.layouts.get(&word_at(body, 0)?).unwrap_or(&self.layout)
                } else {
                    self.layout
                };
                let sample = sample(layout, body)?;
                return Some((sample.time, Record::Sample(sample)));
            }
            COMM => Record::Comm { tid: half_at(body, 4)?, name: name(body.get(8..)?) },
            FORK => Record::Fork { tid: half_at(body, 8)?, parent: half_at(body, 12)? },
            LOST => Record::Lost(word_at(body, 8)?),
            LOST_SAMPLES => Record::Lost(word_at(body, 0)?),
            _ => Record::Other,
        };
        Some((self.time_of_other(body), record))
    }

    /// Reads the time of a record that is no sample. With `sample_id_all`, such records end with some of a sample's
    /// numbers, among them the time.
    fn time_of_other(&self, body: &[u8]) -> u64 {
        let behind_time = [ID, STREAM_ID, CPU, IDENTIFIER].iter().filter(|bit| self.layout & **bit != 0).count() + 1;
        let at = if self.sample_id_all { body.len().checked_sub(8 * behind_time) } else { None };
        at.and_then(|at| word_at(body, at)).unwrap_or(0)
    }
}

/// Reads a sample's body. Returns `None` if it is too short, or has counts.
fn sample(layout: u64, body: &[u8]) -> Option<Sample> {
    let mut rest = body;
    let mut take = |bit: u64| -> Option<u64> {
        if layout & bit == 0 {
            return Some(0);
        }
        let (word, tail) = rest.split_first_chunk::<8>()?;
        rest = tail;
        Some(u64::from_le_bytes(*word))
    };
    let _identifier = take(IDENTIFIER)?;
    let ip = take(IP)?;
    let ids = take(TID)?;
    let time = take(TIME)?;
    for bit in [ADDR, ID, STREAM_ID] {
        take(bit)?;
    }
    let cpu = take(CPU)? as u32;
    let _period = take(PERIOD)?;
    // perf does not ask for counts (`READ`) with tracepoints. The layout of counts depends on more than the sample
    // type.
    (layout & READ == 0).then_some(())?;
    let length = take(CALLCHAIN)?;
    let (chain, rest) = rest.split_at_checked(usize::try_from(length).ok()?.checked_mul(8)?)?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let raw = rest.get(..u32::from_le_bytes(*len) as usize)?.to_vec();
    let callchain = kernel_part(chain.chunks_exact(8).filter_map(|word| word_at(word, 0)));
    Some(Sample { ip, pid: ids as u32, tid: (ids >> 32) as u32, time, cpu, callchain, raw })
}

/// Returns the kernel's call sites of a call chain. A mark, which is a number from -4095 on, begins each part of a
/// chain, and `PERF_CONTEXT_KERNEL` (-128) begins the kernel's part.
fn kernel_part(chain: impl Iterator<Item = u64>) -> Vec<u64> {
    const MARKS: u64 = 4095_u64.wrapping_neg();
    const KERNEL: u64 = 128_u64.wrapping_neg();
    let mut in_kernel = true;
    let mut kernel = Vec::new();
    for address in chain {
        if address >= MARKS {
            in_kernel = address == KERNEL;
        } else if in_kernel {
            kernel.push(address);
        }
    }
    kernel
}

fn name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or(&[])).into_owned()
}

fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

fn half_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// Reads `size` bytes of the file from `offset` on.
fn opened_section(file: &mut (impl Read + Seek), (offset, size): (u64, u64)) -> Result<Vec<u8>, Reason> {
    if size > LARGEST_SECTION {
        return Err("it is damaged: a section is larger than any perf writes".to_owned());
    }
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(offset)).and_then(|_| Read::take(file, size).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 == size => Ok(bytes),
        Ok(_) => Err("it is damaged: a section lies behind its end".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
