use std::os::fd::AsRawFd;

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, PerCpuArray},
    programs::{Program as Loaded, ProgramError},
};
use trace::{Counters, Program, Slot};

use super::{Drained, Record, Source, fields, misses::recursion_misses, object::OBJECT, rings::Rings};
use crate::{
    Error,
    kernel::{Cgroup, Tracefs, present_cpus},
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
    /// one page event in so many has its stack; 0 = none
    pub stack_sample: u32,
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
    /// the only cgroup whose events are wanted, with those below it; `None` = all
    pub cgroup: Option<Cgroup>,
    /// least order of pages
    pub min_order: u32,
    /// GFP bits that an allocation must have, all of them; frees have none and pass
    pub gfp_bits: u32,
    /// least number of bytes that an object was asked for with; frees have no size and pass
    pub min_bytes: u32,
    /// one frame and one object in so many is followed; 0 and 1 = all
    pub sample: u32,
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

    /// The programs' bound for the hash of a frame or object; 0 = all.
    fn sample_below(&self) -> u32 {
        if self.sample > 1 { (1_u64 << 32).div_ceil(u64::from(self.sample)) as u32 } else { 0 }
    }

    /// Whether every event passes.
    pub(super) fn is_empty(&self) -> bool {
        let Self { self_tgid, only_tgid, comm, cgroup, min_order, gfp_bits, min_bytes, sample } = self;
        let numbers = [self_tgid, only_tgid, min_order, gfp_bits, min_bytes];
        comm.is_empty() && cgroup.is_none() && *sample <= 1 && numbers.into_iter().all(|setting| *setting == 0)
    }

    /// What the programs call it.
    pub(super) fn settings(&self) -> FilterSettings {
        FilterSettings {
            comm: self.comm_bits(),
            sample_below: self.sample_below(),
            cgroup: self.cgroup.unwrap_or_default(),
        }
    }

    /// Gives the programs their settings.
    pub(super) fn apply<'a>(&'a self, settings: &'a FilterSettings, loader: &mut EbpfLoader<'a>) {
        let FilterSettings { comm, sample_below, cgroup } = settings;
        loader.override_global("ONLY_CGROUP", &cgroup.id, true).override_global("CGROUP_LEVEL", &cgroup.level, true);
        loader.override_global("SAMPLE_BELOW", sample_below, true).override_global("ONLY_COMM", comm, true);
        loader.override_global("SELF_TGID", &self.self_tgid, true).override_global("ONLY_TGID", &self.only_tgid, true);
        loader.override_global("MIN_ORDER", &self.min_order, true).override_global("GFP_BITS", &self.gfp_bits, true);
        loader.override_global("MIN_BYTES", &self.min_bytes, true);
    }
}

/// What of a [`Filter`] the programs are told in another form.
pub(super) struct FilterSettings {
    comm: u128,
    sample_below: u32,
    cgroup: Cgroup,
}

/// The loaded programs, their rings and counters. Dropping it detaches everything.
pub struct Capture {
    ebpf: Ebpf,
    counters: PerCpuArray<MapData, [u64; 3]>,
    rings: Rings,
    programs: Vec<(Program, String)>,
}

impl Capture {
    /// Loads the programs, and attaches none of them yet.
    ///
    /// # Errors
    /// [`Error::Bpf`] says what the kernel refused; [`Error::NoTracepoint`], [`Error::NoField`]
    pub fn load(tracefs: &Tracefs, settings: &Settings) -> Result<Self, Error> {
        let offsets = fields::offsets(tracefs, &settings.programs, settings.source)?;
        let (slots, cpus) = ((settings.ring_size as usize / size_of::<Slot>()) as u32, present_cpus());

        let mut loader = EbpfLoader::new();
        loader.map_max_entries("SLOTS", cpus.saturating_mul(slots)).map_max_entries("RING_ENDS", cpus);
        loader.override_global("RING_SLOTS", &slots, true);
        let filter = settings.filter.settings();
        settings.filter.apply(&filter, &mut loader);
        loader.override_global("STACK_EVERY", &settings.stack_sample, true);
        for (setting, offset) in &offsets {
            loader.override_global(setting, offset, true);
        }
        let mut ebpf = loader.load(OBJECT).map_err(|error| Error::bpf("to create the eBPF maps")(&error))?;

        let map_error = |error| Error::bpf("the eBPF maps")(&error);
        let counters = ebpf.take_map("COUNTERS").expect("the object has this map");
        let counters = PerCpuArray::try_from(counters).map_err(map_error)?;
        let (Some(Map::Array(lines)), Some(Map::Array(ends))) = (ebpf.map("SLOTS"), ebpf.map("RING_ENDS")) else {
            unreachable!("the object has these maps");
        };
        let rings = Rings::new(lines, ends, slots, cpus as usize)?;
        let mut capture = Self { ebpf, counters, rings, programs: Vec::new() };
        for program in &settings.programs {
            capture.load_program(*program, settings.source)?;
        }
        Ok(capture)
    }

    fn load_program(&mut self, program: Program, source: Source) -> Result<(), Error> {
        let (group, tracepoint) = program.tracepoint();
        let name = if source == Source::Tracepoint && is_in_both_forms(program) {
            format!("tp_{}", program.name())
        } else {
            program.name().to_owned()
        };
        let refused = |error: &ProgramError| {
            let verifier = match error {
                ProgramError::LoadError { verifier_log, .. } => {
                    format!(" ({})", verifier_log.to_string().lines().last().unwrap_or_default())
                }
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

    /// Hands over the records that are in the rings now.
    pub fn drain(&mut self, sink: impl FnMut(Record<'_>)) -> Drained {
        self.rings.drain(sink)
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
        let values =
            self.counters.get(&(program as u32), 0).map_err(|error| Error::bpf("to read the counters")(&error))?;
        Ok(values
            .iter()
            .map(|[seen, dropped, filtered]| Counters { seen: *seen, dropped: *dropped, filtered: *filtered })
            .collect())
    }

    /// How often the kernel did not run a program because it ran already on that CPU (`recursion_misses`, Linux 5.12);
    /// 0 once it is detached.
    pub fn missed(&self, program: Program) -> u64 {
        let (_, name) =
            self.programs.iter().find(|(known, _)| *known == program).expect("only loaded programs are asked for");
        let fd = match self.ebpf.program(name) {
            Some(Loaded::RawTracePoint(program)) => program.fd(),
            Some(Loaded::TracePoint(program)) => program.fd(),
            _ => return 0,
        };
        let Ok(fd) = fd else { return 0 };
        recursion_misses(aya_fd(fd))
    }
}

fn aya_fd(fd: &aya::programs::ProgramFd) -> i32 {
    use std::os::fd::AsFd as _;
    fd.as_fd().as_raw_fd()
}

/// Whether a program exists for raw tracepoints and for ftrace's records; the others read what only one of these has.
fn is_in_both_forms(program: Program) -> bool {
    matches!(
        program,
        Program::PageAlloc
            | Program::PageFree
            | Program::Kmalloc
            | Program::Kfree
            | Program::ZoneLocked
            | Program::PcpuDrain
    )
}
