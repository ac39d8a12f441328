//! The start of a recording: reading the kernel's properties, loading and attaching the programs, dropping the
//! privileges.

use std::{process, time::Instant};

use trace::{Family, Program, Writer};

use super::{
    flight::FlightRecorder,
    options::{Options, Requests},
    output::Output,
    session::Session,
    snapshot::{FrameReader, SnapshotReader},
    summary::{Progress, Summary},
    writer_thread::WriterThread,
};
use crate::{
    Error,
    bpf::{Addresses, Capture, Filter, Settings},
    kernel::{Cgroups, KPageFlags, Kallsyms, Tracefs, describe, monotonic_ns},
    merge::{Merger, Resolver, TraceWriter},
    os::{child, privilege},
};

/// Records until the duration is over, the command ends, or the recording is asked to stop.
///
/// # Errors
/// [`Error`] if the recording cannot start. An error that ends a recording later is in [`Summary::failure`].
pub fn record(options: &Options, requests: &Requests, progress: &mut dyn FnMut(Progress)) -> Result<Summary, Error> {
    privilege::check()?;
    let tracefs = Tracefs::find()?;
    let programs = programs(options);
    let mut header = describe(&tracefs, &programs)?;
    let addresses = Addresses::learn(&tracefs, options.source)?;
    header.objects_are_physical = addresses.objects_are_physical() && !options.raw_addresses;
    header.raw_addresses = options.raw_addresses;
    header.options = options.describe();

    let cgroups = Cgroups::find();
    let filter = Filter { self_tgid: process::id(), ..options.filter.resolve(&header, &cgroups)? };
    (header.sample, header.stack_sample) = (filter.sample.max(1), options.stack_sample);
    let settings = Settings {
        programs,
        source: options.source,
        ring_size: options.ring_size,
        filter,
        stack_sample: options.stack_sample,
    };
    let mut capture = Capture::load(&tracefs, &settings)?;
    let has_code_addresses = options.stack_sample > 0
        || options.families.iter().any(|family| matches!(family, Family::Slab | Family::Cache));
    let kallsyms = if has_code_addresses { Kallsyms::read()? } else { Kallsyms::default() };
    let snapshots = SnapshotReader::open()?;
    // A kernel may be built without this file. A flight recorder does not keep the start of the recording.
    let frames = if options.frames && options.flight.is_none() { KPageFlags::open().ok() } else { None };
    let segments =
        trace::Options { segment_bytes: options.rotate, owner: privilege::sudo_user(), ..trace::Options::default() };
    let output = match &options.flight {
        None => Output::Trace(Writer::create(&options.output, &header, segments)?),
        Some(flight) => Output::Flight(Box::new(FlightRecorder::create(&options.output, flight, segments)?)),
    };
    capture.attach()?;
    header.clock.start_ns = monotonic_ns();
    let child = child::spawn(&options.command)?;
    privilege::drop_all()?;

    // Threads are started after the privileges were dropped, because a thread gets the privileges that its creator has
    // at that moment.
    let output = match output {
        Output::Trace(writer) => Output::Trace(WriterThread::start(TraceWriter::new(writer))?),
        Output::Flight(recorder) => Output::Flight(recorder),
    };
    let resolver = Resolver::new(addresses, options.raw_addresses, header.zones.clone(), kallsyms, cgroups);
    let merger = Merger::new(resolver, header.cpu_node.len());
    let frames = frames.map_or(FrameReader::none(), |flags| FrameReader::start(flags, header.zones.clone()));
    Ok(Session { capture, merger, output, snapshots, frames, header, started: Instant::now() }
        .run(options, child, requests, progress))
}

/// Returns the programs of the families that were asked for, and those that report threads.
fn programs(options: &Options) -> Vec<Program> {
    let wanted = |program: &Program| program.family() == Family::Task || options.families.contains(&program.family());
    Program::ALL.into_iter().filter(wanted).collect()
}
