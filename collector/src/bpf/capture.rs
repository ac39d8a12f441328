//! The programs that record: loading and attaching them, their rings and counters.

use std::os::fd::AsRawFd;

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, PerCpuArray},
    programs::{Program as Loaded, ProgramError},
};
use trace::{Counters, Program, Slot};

use super::{
    fields,
    filter::Filter,
    misses::recursion_misses,
    object::OBJECT,
    record::Record,
    refusal::verifier_line,
    rings::{Drained, Rings},
    source::Source,
};
use crate::{
    Error,
    kernel::{Tracefs, present_cpus},
};

/// What to load.
#[derive(Debug, Clone)]
pub struct Settings {
    /// the programs to attach
    pub programs: Vec<Program>,
    /// how they are attached
    pub source: Source,
    /// bytes of each CPU's ring: a power of two
    pub ring_size: u32,
    /// which events are wanted
    pub filter: Filter,
    /// one page event in so many has its kernel stack; 0 = none
    pub stack_sample: u32,
}

/// The loaded programs, their rings and counters. Dropping it detaches the programs.
pub struct Capture {
    ebpf: Ebpf,
    counters: PerCpuArray<MapData, [u64; 3]>,
    rings: Rings,
    /// the programs, and their names in the object
    programs: Vec<(Program, String)>,
}

impl Capture {
    /// Loads the programs, and attaches none of them yet.
    ///
    /// # Errors
    /// [`Error::Bpf`] says what the kernel refused; [`Error::NoTracepoint`] and [`Error::NoField`] what it lacks.
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
            Error::bpf(format!("the program for {group}:{tracepoint}{}", verifier_line(error)))(error)
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

    /// Hands the records that are in the rings now to `sink`.
    pub fn drain(&mut self, sink: impl FnMut(Record<'_>)) -> Drained {
        self.rings.drain(sink)
    }

    /// The programs that are loaded.
    pub fn programs(&self) -> impl Iterator<Item = Program> {
        self.programs.iter().map(|(program, _)| *program)
    }

    /// What became of a program's events, for each possible CPU.
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

    /// How often the kernel did not run a program, see [`recursion_misses`].
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

/// Whether a program exists both for raw tracepoints and for ftrace's records. The others read what only one of these
/// has.
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
