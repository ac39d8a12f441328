//! Loading the programs that only count, and reading their counts.

use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::{
    Ebpf, EbpfLoader,
    maps::{HashMap, MapData, PerCpuArray, PerCpuHashMap},
    programs::{ProgramError, RawTracePoint},
};
use trace::{Family, Latency, Program, Strides, Tally, TallyKey, TallyPlan, Wait, ZONE_SPANS};

use super::{
    fields, filter::Filter, misses::recursion_misses, object::OBJECT, refusal::verifier_line, sample::Sample,
    source::Source,
};
use crate::{
    Error,
    kernel::{Tracefs, monotonic_ns},
};

/// The settings with which the counting programs are loaded.
#[derive(Debug, Clone)]
pub struct CountSettings {
    /// The programs, of those for pages and objects, whose counting forms are attached.
    pub programs: Vec<Program>,
    /// The columns that are told apart: a set of [`trace::columns`].
    pub by: u32,
    /// The filter, which says which events are wanted.
    pub filter: Filter,
    /// The number of different combinations of the columns for which the map has room, if the counts are kept by key.
    pub rows: u32,
    /// For each zone, the address of its first `struct page`, and the size in bytes of the array of all the zone's page
    /// structures. The column zone needs them.
    pub zone_spans: Vec<[u64; 2]>,
}

/// The loaded counting programs and their maps. Dropping the value detaches the programs.
pub struct Counting {
    ebpf: Ebpf,
    programs: Vec<Program>,
    tallies: Tallies,
    cache_names: HashMap<MapData, u64, [u8; 32]>,
    left_out: PerCpuArray<MapData, u64>,
    no_room: PerCpuArray<MapData, [u64; Tally::WORDS]>,
    latencies: PerCpuArray<MapData, [u64; Latency::WORDS]>,
    /// The latencies that cannot be measured on this kernel, with the reasons.
    unavailable: Vec<(Wait, String)>,
}

/// The map that holds the counts.
enum Tallies {
    Indexed { map: PerCpuArray<MapData, [u64; Tally::WORDS]>, strides: Strides, size: u32, zones: u32 },
    Keyed(PerCpuHashMap<MapData, [u64; TallyKey::WORDS], [u64; Tally::WORDS]>),
}

/// The greatest number of slab caches whose names are kept. A host has a few hundred.
const MOST_CACHES: u32 = 16384;

/// A pair of tracepoints between which time is measured.
struct Timed {
    waits: &'static [Wait],
    begin: Program,
    end: Program,
}

const TIMED: [Timed; 2] = [
    Timed { waits: &[Wait::DirectReclaim], begin: Program::DirectReclaimBegin, end: Program::DirectReclaimEnd },
    Timed { waits: &[Wait::Compaction, Wait::Kcompactd], begin: Program::CompactionBegin, end: Program::CompactionEnd },
];

impl Counting {
    /// Loads the programs and attaches them. Events are counted from then on.
    ///
    /// # Errors
    /// [`Error::Bpf`] if the kernel refuses a map or a program.
    pub fn start(tracefs: &Tracefs, settings: &CountSettings) -> Result<Self, Error> {
        let programs = Program::ALL.len() as u32;
        let spans = settings.zone_spans.len().min(ZONE_SPANS);
        let zones = spans as u32 + 1;
        let strides = Strides::new(settings.by, programs, zones);
        let mut loader = EbpfLoader::new();
        let filter = &settings.filter;
        let filter_settings = filter.settings();
        filter.apply(&filter_settings, &mut loader);
        let filtered = u32::from(!filter.is_empty());
        let (keyed, (strides, size)) = (strides.is_none(), strides.unwrap_or((Strides::default(), 1)));
        // Only the programs of the slab caches read a structure of the kernel. For pages and kmalloc, the arguments are
        // enough.
        let caches: Vec<_> =
            settings.programs.iter().copied().filter(|program| program.family() == Family::Cache).collect();
        let offsets = fields::offsets(tracefs, &caches, Source::Raw)?;
        for (setting, offset) in &offsets {
            loader.override_global(setting, offset, true);
        }
        let mut zone_span = [[0; 2]; ZONE_SPANS];
        zone_span[..spans].copy_from_slice(&settings.zone_spans[..spans]);
        let plan = TallyPlan {
            columns: settings.by,
            keyed: u32::from(keyed),
            strides,
            zone_spans: spans as u32,
            ..TallyPlan::TOTALS
        };
        loader.override_global("FILTERED", &filtered, true).override_global("PLAN", bytemuck::bytes_of(&plan), true);
        loader.override_global("ZONE_SPAN", &zone_span, true);
        loader
            .map_max_entries("TALLIES", size)
            .map_max_entries("KEYED_TALLIES", if keyed { settings.rows.max(1) } else { 1 });
        // The counting programs do not need these maps as large as the object declares them.
        loader
            .map_max_entries("CACHES", 1)
            .map_max_entries("CACHE_NAMES", if caches.is_empty() { 1 } else { MOST_CACHES });
        let mut ebpf = loader.load(OBJECT).map_err(|error| Error::bpf("to create the eBPF maps")(&error))?;

        let map_error = |error| Error::bpf("the eBPF maps")(&error);
        let mut take = |name: &str| ebpf.take_map(name).expect("the object has this map");
        let tallies = if keyed {
            Tallies::Keyed(PerCpuHashMap::try_from(take("KEYED_TALLIES")).map_err(map_error)?)
        } else {
            Tallies::Indexed { map: PerCpuArray::try_from(take("TALLIES")).map_err(map_error)?, strides, size, zones }
        };
        let cache_names = HashMap::try_from(take("CACHE_NAMES")).map_err(map_error)?;
        let left_out = PerCpuArray::try_from(take("LEFT_OUT")).map_err(map_error)?;
        let no_room = PerCpuArray::try_from(take("NO_ROOM")).map_err(map_error)?;
        let latencies = PerCpuArray::try_from(take("LATENCIES")).map_err(map_error)?;
        let mut counting = Self {
            ebpf,
            programs: settings.programs.clone(),
            tallies,
            cache_names,
            left_out,
            no_room,
            latencies,
            unavailable: Vec::new(),
        };
        counting.attach()?;
        Ok(counting)
    }

    fn attach(&mut self) -> Result<(), Error> {
        // All programs are loaded before the first one is attached, so that they start to count at about the same time.
        for program in &self.programs {
            load(&mut self.ebpf, &tally_name(*program))?;
        }
        for Timed { waits, begin, end } in TIMED {
            // The program for the end is attached first. If a reclaim began before that, only its end is seen, and
            // counted as unpaired.
            let attached = [end, begin].into_iter().try_for_each(|program| {
                load(&mut self.ebpf, &latency_name(program))?;
                attach(&mut self.ebpf, &latency_name(program), program)
            });
            if let Err(error) = attached {
                self.unavailable.extend(waits.iter().map(|wait| (*wait, error.to_string())));
            }
        }
        for program in &self.programs {
            attach(&mut self.ebpf, &tally_name(*program), *program)?;
        }
        Ok(())
    }

    /// Detaches all programs. The counts stay readable, except for how often the kernel did not run a program.
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub fn stop(&mut self) -> Result<(), Error> {
        let timed = TIMED.iter().flat_map(|timed| [timed.begin, timed.end]).map(latency_name);
        for name in self.programs.iter().copied().map(tally_name).chain(timed) {
            match raw_tracepoint(&mut self.ebpf, &name).unload() {
                // A program without a tracepoint on this kernel was never loaded, or not attached.
                Ok(()) | Err(ProgramError::NotLoaded) => {}
                Err(error) => return Err(Error::bpf("to detach")(&error)),
            }
        }
        Ok(())
    }

    /// Returns the latencies that cannot be measured on this kernel, with the reasons.
    pub fn unavailable(&self) -> &[(Wait, String)] {
        &self.unavailable
    }

    /// Returns how often the kernel did not run each program so far; see [`recursion_misses`]. After [`Self::stop`],
    /// the numbers are 0.
    pub fn missed(&self) -> Vec<(Program, u64)> {
        let missed = |program: &Program| {
            let loaded: &RawTracePoint =
                self.ebpf.program(&tally_name(*program)).expect("the object has this program").try_into().ok()?;
            Some(recursion_misses(loaded.fd().ok()?.as_fd().as_raw_fd()))
        };
        self.programs.iter().map(|program| (*program, missed(program).unwrap_or(0))).collect()
    }

    /// Returns the addresses of the slab caches in the keys, with the caches' names.
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub fn caches(&self) -> Result<Vec<(u64, String)>, Error> {
        let name = |name: [u8; 32]| {
            String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
        };
        let caches = self.cache_names.iter().map(|entry| entry.map(|(address, bytes)| (address, name(bytes))));
        caches.collect::<Result<_, _>>().map_err(|error| Error::bpf("to read the names of the slab caches")(&error))
    }

    /// Returns all counts up to now. `missed` is the result of [`Self::missed`].
    ///
    /// # Errors
    /// [`Error::Bpf`]
    pub fn sample(&self, missed: Vec<(Program, u64)>) -> Result<Sample, Error> {
        let refused = |error| Error::bpf("to read the counts")(&error);
        let mut sample = Sample { time: monotonic_ns(), missed, ..Sample::default() };
        match &self.tallies {
            Tallies::Indexed { map, strides, size, zones } => {
                for index in 0..*size {
                    let key = strides.key(index, Program::ALL.len() as u32, *zones);
                    if self.programs.iter().any(|program| *program as u8 == key.program) {
                        sample.insert(key, sum(map.get(&index, 0).map_err(refused)?.iter()));
                    }
                }
            }
            Tallies::Keyed(map) => {
                for row in map {
                    let (key, values) = row.map_err(refused)?;
                    sample.insert(bytemuck::cast(key), sum(values.iter()));
                }
            }
        }
        for program in &self.programs {
            let index = *program as u32;
            sample.filtered.push((*program, self.left_out.get(&index, 0).map_err(refused)?.iter().sum()));
            sample.no_room.push((*program, sum(self.no_room.get(&index, 0).map_err(refused)?.iter())));
        }
        for wait in Wait::ALL {
            let per_cpu = self.latencies.get(&(wait as u32), 0).map_err(refused)?;
            per_cpu.iter().for_each(|words| sample.latencies[wait as usize].add(&Latency::from(*words)));
        }
        Ok(sample)
    }
}

/// Returns the sum of the counts of all CPUs.
fn sum<'a>(per_cpu: impl Iterator<Item = &'a [u64; Tally::WORDS]>) -> Tally {
    per_cpu.fold(Tally::default(), |mut sum, words| {
        sum.add(bytemuck::cast(*words));
        sum
    })
}

/// Returns the name of the program that counts the events that `program` records.
fn tally_name(program: Program) -> String {
    format!("tally_{}", program.name())
}

/// Returns the name of the program that measures the time at the tracepoint of `program`.
fn latency_name(program: Program) -> String {
    format!("latency_{}", program.name())
}

fn raw_tracepoint<'a>(ebpf: &'a mut Ebpf, name: &str) -> &'a mut RawTracePoint {
    ebpf.program_mut(name)
        .and_then(|program| program.try_into().ok())
        .expect("the object has this program, for a raw tracepoint")
}

fn load(ebpf: &mut Ebpf, name: &str) -> Result<(), Error> {
    let loaded = raw_tracepoint(ebpf, name).load();
    loaded.map_err(|error| Error::bpf(format!("the program {name}{}", verifier_line(&error)))(&error))
}

fn attach(ebpf: &mut Ebpf, name: &str, program: Program) -> Result<(), Error> {
    let (group, tracepoint) = program.tracepoint();
    let attached = raw_tracepoint(ebpf, name).attach(tracepoint);
    attached.map(|_| ()).map_err(|error| Error::bpf(format!("to attach to {group}:{tracepoint}"))(&error))
}
