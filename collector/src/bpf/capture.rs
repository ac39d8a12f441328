//! Loading and attaching the programs that record, and reading their rings and counters.

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

/// The settings with which the recording programs are loaded.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The programs to attach.
    pub programs: Vec<Program>,
    /// The way in which the page and slab programs are attached.
    pub source: Source,
    /// The size of each CPU's ring in bytes, a power of two.
    pub ring_size: u32,
    /// The filter, which says which events are wanted.
    pub filter: Filter,
    /// The stack sampling divisor N: one page event in N gets its kernel stack; 0 means none.
    pub stack_sample: u32,
}

/// The loaded recording programs, with their rings and counters. Dropping the capture detaches the programs.
pub struct Capture {
    ebpf: Ebpf,
    counters: PerCpuArray<MapData, [u64; 3]>,
    rings: Rings,
    /// The programs, and their names in the object.
    programs: Vec<(Program, String)>,
}

impl Capture {
    /// Loads the programs without attaching them.
    ///
    /// # Errors
    /// [`Error::Bpf`] if the kernel refuses a map or a program; [`Error::NoTracepoint`] or [`Error::NoField`] if the
    /// kernel lacks a tracepoint or a field.
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

    /// Attaches all programs, which record events from then on.
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

    /// Detaches all programs. The rings and counters stay readable.
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

    /// Passes the records that are in the rings now to `sink`.
    pub fn drain(&mut self, sink: impl FnMut(Record<'_>)) -> Drained {
        self.rings.drain(sink)
    }

    /// Returns the programs that are loaded.
    pub fn programs(&self) -> impl Iterator<Item = Program> {
        self.programs.iter().map(|(program, _)| *program)
    }

    /// Returns the counters of a program's events, for each possible CPU.
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

    /// Returns how often the kernel did not run a program; see [`recursion_misses`].
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

/// Returns whether a program exists both for raw tracepoints and for ftrace's records. The other programs read values
/// that only one of the two has.
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
