//! This module writes a timeline in the Trace Event Format (JSON), which the viewers of Perfetto and Chrome read. Free
//! blocks and allocation rates are counters. Direct reclaim, compaction and kswapd are slices of their threads. Failed
//! allocations, extfrag fallbacks and OOM kills are marks.

use std::io::Write;

use serde_json::{Value, json};
use trace::{FragEvent, Kind, NO_PFN, PageEvent, Problem, ReclaimEvent, Trace};

use super::error::Error;
use crate::{
    Events, Names,
    aggregate::{accumulator::accumulate, rates::Rates},
    read::{batches::Progress, snapshots},
};

/// Writes the timeline. Returns the problems met.
///
/// # Errors
/// Returns [`Error::Output`] if `out` cannot be written, and [`Error::Analysis`] if the columns are not those of the
/// format.
pub fn timeline(trace: &Trace, progress: Progress<'_>, out: &mut impl Write) -> Result<Vec<Problem>, Error> {
    let header = &trace.header;
    let mut problems = trace.problems.clone();
    let names = Names::read(trace, &mut problems);
    // Times are in µs since the start, as times since boot would lose digits in a viewer's floating point.
    let at = |time: u64| time.saturating_sub(header.clock.start_ns) as f64 / 1000.0;
    out.write_all(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n")?;
    let process = json!({"name": "process_name", "ph": "M", "pid": 0, "args": {"name": format!("{} {}", header.host, header.kernel)}});
    serde_json::to_writer(&mut *out, &process).map_err(std::io::Error::from)?;
    let mut write = |event: Value| -> Result<(), Error> {
        out.write_all(b",\n")?;
        Ok(serde_json::to_writer(&mut *out, &event).map_err(std::io::Error::from)?)
    };
    for snapshot in snapshots::read(trace, &mut problems) {
        let orders: serde_json::Map<String, Value> = snapshot
            .nr_free
            .iter()
            .enumerate()
            .map(|(order, blocks)| (format!("order {order}"), json!(blocks)))
            .collect();
        write(
            json!({"name": format!("free blocks, {}", header.zone_name(snapshot.zone)), "ph": "C", "pid": 0, "ts": at(snapshot.time), "args": orders}),
        )?;
    }
    let mut rates = Rates::new(header, header.clock.start_ns, header.clock.end_ns);
    problems.extend(accumulate(Events::Page, &names, trace, progress, &mut [&mut rates])?);
    for (zone, bytes) in &rates.zones {
        for (interval, bytes) in bytes.iter().enumerate() {
            let time = rates.start + interval as u64 * rates.interval;
            let args = json!({"bytes/s": rates.per_second(*bytes)});
            write(
                json!({"name": format!("allocated, {}", header.zone_name(*zone)), "ph": "C", "pid": 0, "ts": at(time), "args": args}),
            )?;
        }
    }
    let kind = |kind: Kind| header.kinds.get(kind.name()).copied();
    for event in all::<ReclaimEvent>(trace, &mut problems) {
        let (tid, ts) = (event.pid, at(event.time));
        let Some(known) = Kind::ALL.into_iter().find(|known| kind(*known) == Some(event.kind)) else { continue };
        let (name, phase) = match known {
            Kind::DirectReclaimBegin => ("direct reclaim", "B"),
            Kind::DirectReclaimEnd => ("direct reclaim", "E"),
            Kind::CompactionBegin => ("compaction", "B"),
            Kind::CompactionEnd => ("compaction", "E"),
            Kind::KswapdWake => ("kswapd", "B"),
            Kind::KswapdSleep => ("kswapd", "E"),
            other => (other.name(), "i"),
        };
        let args = json!({"order": event.order, "gfp": header.gfp.decode(event.gfp), "value": event.value});
        write(json!({"name": name, "ph": phase, "s": "t", "pid": 0, "tid": tid, "ts": ts, "args": args}))?;
    }
    for event in
        all::<FragEvent>(trace, &mut problems).into_iter().filter(|event| kind(Kind::ExtFrag) == Some(event.kind))
    {
        let args = json!({
            "order": event.order, "fallback order": event.fallback_order,
            "migratetype": header.migratetype_name(event.migratetype), "from": header.migratetype_name(event.fallback_migratetype),
        });
        write(
            json!({"name": "extfrag", "ph": "i", "s": "t", "pid": 0, "tid": event.pid, "ts": at(event.time), "args": args}),
        )?;
    }
    for rows in trace.rows::<PageEvent>() {
        let failed = rows
            .unwrap_or_default()
            .into_iter()
            .filter(|event| kind(Kind::PageAlloc) == Some(event.kind) && event.pfn == NO_PFN);
        for event in failed {
            let args = json!({"order": event.order, "gfp": header.gfp.decode(event.gfp)});
            write(
                json!({"name": "allocation failed", "ph": "i", "s": "p", "pid": 0, "tid": event.pid, "ts": at(event.time), "args": args}),
            )?;
        }
    }
    out.write_all(b"\n]}\n")?;
    Ok(problems)
}

fn all<R: trace::Row>(trace: &Trace, problems: &mut Vec<Problem>) -> Vec<R> {
    trace.all(problems)
}
