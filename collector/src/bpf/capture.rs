use std::{fs, os::fd::AsRawFd};

use aya::{
    Ebpf, EbpfLoader,
    maps::{ArrayOfMaps, MapData, PerCpuArray, RingBuf},
    programs::{Program as Loaded, ProgramError},
};
use trace::{Counters, Program};

use super::{Record, Source, rings::Ring};
use crate::{
    Error,
    kernel::{Tracefs, online_cpus},
};

/// What to load.
#[derive(Debug, Clone)]
pub struct Settings {
    /// programs to attach
    pub programs: Vec<Program>,
    /// how
    pub source: Source,
    /// bytes of each CPU's ring: a power of two
    pub ring_size: u32,
    /// which events
    pub filter: Filter,
}

/// Which events are wanted: those that fulfil everything here. The others are counted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// the process whose events are only counted: the collector; 0 = none
    pub self_tgid: u32,
    /// the only process whose events are wanted; 0 = all
    pub only_tgid: u32,
    /// the only name of threads whose events are wanted; empty = all
    pub comm: String,
    /// least order of pages
    pub min_order: u32,
    /// GFP bits that an allocation must have, all of them; frees have none and pass
    pub gfp_bits: u32,
    /// least number of bytes that an object was asked for with; frees have no size and pass
    pub min_bytes: u32,
}

impl Filter {
    /// A name as the kernel keeps it: 15 bytes at most, padded with zeros.
    fn comm_bits(&self) -> u128 {
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(self.comm.bytes().take(15)) {
            *to = from;
        }
        u128::from_ne_bytes(name)
    }
}

/// The loaded programs, their rings and counters. Dropping it detaches everything.
pub struct Capture {
    ebpf: Ebpf,
    counters: PerCpuArray<MapData, [u64; 3]>,
    rings: Vec<Ring>,
    programs: Vec<(Program, String)>,
    ring_records: usize,
}

impl Capture {
    /// Loads the programs, and attaches none of them yet.
    ///
    /// # Errors
    /// [`Error::Bpf`] says what the kernel refused; [`Error::NoTracepoint`], [`Error::NoField`]
    pub fn load(tracefs: &Tracefs, settings: &Settings) -> Result<Self, Error> {
        let offsets = field_offsets(tracefs, settings)?;
        let cpus = online_cpus();
        let nr_cpus = aya::util::nr_cpus().map_or(cpus.len(), |nr_cpus| nr_cpus) as u32;

        let mut loader = EbpfLoader::new();
        loader.map_max_entries("RINGS", nr_cpus);
        let (filter, comm) = (&settings.filter, settings.filter.comm_bits());
        loader.override_global("SELF_TGID", &filter.self_tgid, true).override_global("ONLY_TGID", &filter.only_tgid, true);
        loader.override_global("ONLY_COMM", &comm, true).override_global("MIN_ORDER", &filter.min_order, true);
        loader.override_global("GFP_BITS", &filter.gfp_bits, true).override_global("MIN_BYTES", &filter.min_bytes, true);
        for (setting, offset) in &offsets {
            loader.override_global(setting, offset, true);
        }
        let object = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/collector-ebpf"));
        let mut ebpf = loader.load(object).map_err(|error| Error::bpf("to create the eBPF maps")(&error))?;

        let map_error = |error| Error::bpf("the eBPF maps")(&error);
        let counters = ebpf.take_map("COUNTERS").expect("the object has this map");
        let counters = PerCpuArray::try_from(counters).map_err(map_error)?;
        let rings = cpus.into_iter().map(|cpu| Ring::create(cpu, settings.ring_size)).collect::<Result<Vec<_>, _>>()?;
        let outer = ebpf.map_mut("RINGS").expect("the object has this map");
        let mut outer = ArrayOfMaps::<_, RingBuf<MapData>>::try_from(outer).map_err(map_error)?;
        for ring in &rings {
            outer.set(ring.cpu, &ring.ring, 0).map_err(map_error)?;
        }

        // The smallest record takes 8 bytes of header and 32 of data.
        let mut capture = Self { ebpf, counters, rings, programs: Vec::new(), ring_records: settings.ring_size as usize / 40 };
        for program in &settings.programs {
            capture.load_program(*program, settings.source)?;
        }
        Ok(capture)
    }

    fn load_program(&mut self, program: Program, source: Source) -> Result<(), Error> {
        let (group, tracepoint) = program.tracepoint();
        let is_task = matches!(program, Program::TaskNew | Program::TaskRename);
        let name = if source == Source::Raw || is_task { program.name().to_owned() } else { format!("tp_{}", program.name()) };
        let refused = |error: &ProgramError| {
            let verifier = match error {
                ProgramError::LoadError { verifier_log, .. } => format!(" ({})", verifier_log.to_string().lines().last().unwrap_or_default()),
                _ => String::new(),
            };
            Error::bpf(format!("the program for {group}:{tracepoint}{verifier}"))(error)
        };
        match self.ebpf.program_mut(&name).expect("the object has this program") {
            Loaded::RawTracePoint(loaded) => loaded.load(),
            Loaded::TracePoint(loaded) => loaded.load(),
            _ => unreachable!("only tracepoint programs are in the object"),
        }
        .map_err(|error| refused(&error))?;
        self.programs.push((program, name));
        Ok(())
    }

    /// Attaches every program: events flow from now on.
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub fn attach(&mut self) -> Result<(), Error> {
        for (program, name) in &self.programs {
            let (group, tracepoint) = program.tracepoint();
            let refused = |error: &ProgramError| Error::bpf(format!("to attach to {group}:{tracepoint}"))(error);
            match self.ebpf.program_mut(name).expect("it was loaded") {
                Loaded::RawTracePoint(program) => {
                    program.attach(tracepoint).map_err(|error| refused(&error))?;
                }
                Loaded::TracePoint(program) => {
                    program.attach(group, tracepoint).map_err(|error| refused(&error))?;
                }
                _ => unreachable!("only tracepoint programs are in the object"),
            }
        }
        Ok(())
    }

    /// Detaches every program; the rings and counters stay readable.
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub fn detach(&mut self) -> Result<(), Error> {
        for (_, name) in &self.programs {
            let unloaded = match self.ebpf.program_mut(name).expect("it was loaded") {
                Loaded::RawTracePoint(program) => program.unload(),
                Loaded::TracePoint(program) => program.unload(),
                _ => Ok(()),
            };
            unloaded.map_err(|error| Error::bpf("to detach")(&error))?;
        }
        Ok(())
    }

    /// Hands over what is in the rings; returns the number of records, and whether every ring was emptied.
    pub fn drain(&mut self, mut sink: impl FnMut(Record)) -> (usize, bool) {
        let limit = self.ring_records;
        self.rings.iter_mut().fold((0, true), |(records, emptied), ring| {
            let drained = ring.drain(limit, &mut sink);
            (records + drained, emptied && drained < limit)
        })
    }

    /// How many records the fullest ring could hold at most.
    pub fn ring_records(&self) -> usize {
        self.ring_records
    }

    /// The programs that are loaded.
    pub fn programs(&self) -> impl Iterator<Item = Program> {
        self.programs.iter().map(|(program, _)| *program)
    }

    /// What the program counted on each possible CPU.
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub fn counters(&self, program: Program) -> Result<Vec<Counters>, Error> {
        let values = self.counters.get(&(program as u32), 0).map_err(|error| Error::bpf("to read the counters")(&error))?;
        Ok(values.iter().map(|[seen, dropped, filtered]| Counters { seen: *seen, dropped: *dropped, filtered: *filtered }).collect())
    }

    /// How often the kernel did not run a program because it ran already on that CPU (`recursion_misses`, Linux 5.12); 0 once it is detached.
    pub fn missed(&self, program: Program) -> u64 {
        let (_, name) = self.programs.iter().find(|(known, _)| *known == program).expect("only loaded programs are asked for");
        let fd = match self.ebpf.program(name) {
            Some(Loaded::RawTracePoint(program)) => program.fd(),
            Some(Loaded::TracePoint(program)) => program.fd(),
            _ => return 0,
        };
        let Ok(fd) = fd else { return 0 };
        // aya has no call for it, but the kernel prints it with the file descriptor.
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", aya_fd(fd))).unwrap_or_default();
        let misses = info.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
        misses.and_then(|misses| misses.trim().parse().ok()).unwrap_or(0)
    }
}

fn aya_fd(fd: &aya::programs::ProgramFd) -> i32 {
    use std::os::fd::AsFd as _;
    fd.as_fd().as_raw_fd()
}

/// The programs' settings for byte offsets, `PAGE_ALLOC_PFN` and so on, from the `format` files of this kernel.
fn field_offsets(tracefs: &Tracefs, settings: &Settings) -> Result<Vec<(String, u32)>, Error> {
    let mut offsets = Vec::new();
    for program in &settings.programs {
        let (prefix, fields, optional): (_, &[&'static str], &[&'static str]) = match program {
            Program::PageAlloc => ("PAGE_ALLOC", &["pfn", "order", "gfp_flags", "migratetype"], &[]),
            Program::PageFree => ("PAGE_FREE", &["pfn", "order"], &[]),
            Program::Kmalloc => ("KMALLOC", &["call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"], &["node"]),
            Program::Kfree => ("KFREE", &["call_site", "ptr"], &[]),
            Program::TaskNew => ("TASK_NEWTASK", &["pid", "comm", "clone_flags"], &[]),
            Program::TaskRename => ("TASK_RENAME", &["pid", "newcomm"], &[]),
        };
        let format = tracefs.format(*program)?;
        for name in fields.iter().chain(optional) {
            let Some(field) = format.field(name) else {
                if optional.contains(name) {
                    continue;
                }
                return Err(Error::NoField { tracepoint: format.name, field: name });
            };
            offsets.push((format!("{prefix}_{}", name.to_uppercase()), field.offset));
        }
    }
    Ok(offsets)
}
