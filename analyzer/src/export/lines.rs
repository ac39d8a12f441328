//! This module writes the events as CSV or as JSON lines, one event a line, with names in place of numbers.

use std::io::Write;

use serde_json::{Map, Value, json};
use trace::{NO_MIGRATETYPE, NO_PFN, PageEvent, Problem, SlabEvent, Trace};

use super::error::Error;
use crate::{Events, Names};

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// CSV as in RFC 4180, with a line of headings.
    Csv,
    /// JSON, with an object for each line.
    Json,
}

/// Writes all events of one sort. Returns the problems met.
///
/// # Errors
/// Returns [`Error::Output`] if `out` cannot be written.
pub fn lines(trace: &Trace, events: Events, format: Lines, out: &mut impl Write) -> Result<Vec<Problem>, Error> {
    let mut problems = trace.problems.clone();
    let names = Names::read(trace, &mut problems);
    let mut first = true;
    let mut write = |fields: Vec<(&str, Value)>| -> Result<(), Error> {
        if format == Lines::Json {
            let object: Map<String, Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            serde_json::to_writer(&mut *out, &object).map_err(std::io::Error::from)?;
            return Ok(out.write_all(b"\n")?);
        }
        if std::mem::take(&mut first) {
            let headings: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
            out.write_all((headings.join(",") + "\r\n").as_bytes())?;
        }
        let cells: Vec<_> = fields.iter().map(|(_, value)| cell(value)).collect();
        Ok(out.write_all((cells.join(",") + "\r\n").as_bytes())?)
    };
    let mut tasks = names.tasks.recent();
    let mut who = |pid: u32, time: u64| names.comm(names.tasks.named(tasks.at(pid, time)).comm);
    match events {
        Events::Page => {
            for rows in trace.rows::<PageEvent>() {
                for event in take(rows, &mut problems) {
                    let frees = event.migratetype == NO_MIGRATETYPE;
                    write(vec![
                        ("time", json!(event.time)),
                        ("event", json!(names.kind(event.kind))),
                        ("cpu", json!(event.cpu)),
                        ("pid", json!(event.pid)),
                        ("comm", json!(who(event.pid, event.time))),
                        ("pfn", if event.pfn == NO_PFN { Value::Null } else { json!(event.pfn) }),
                        ("order", json!(event.order)),
                        ("zone", json!(trace.header.zone_name(event.zone))),
                        (
                            "migratetype",
                            if frees { Value::Null } else { json!(trace.header.migratetype_name(event.migratetype)) },
                        ),
                        ("gfp", if frees { Value::Null } else { json!(trace.header.gfp.decode(event.gfp)) }),
                        (
                            "callsite",
                            if event.stack == 0 {
                                Value::Null
                            } else {
                                json!(names.callsite(names.caller(event.stack)))
                            },
                        ),
                    ])?;
                }
            }
        }
        Events::Slab => {
            for rows in trace.rows::<SlabEvent>() {
                for event in take(rows, &mut problems) {
                    write(vec![
                        ("time", json!(event.time)),
                        ("event", json!(names.kind(event.kind))),
                        ("cpu", json!(event.cpu)),
                        ("pid", json!(event.pid)),
                        ("comm", json!(who(event.pid, event.time))),
                        ("object", json!(event.object)),
                        ("callsite", json!(names.callsite(event.call_site))),
                        ("cache", if event.cache == 0 { Value::Null } else { json!(names.cache(event.cache)) }),
                        ("bytes_req", json!(event.bytes_req)),
                        ("bytes_alloc", json!(event.bytes_alloc)),
                        (
                            "gfp",
                            if event.bytes_alloc == 0 {
                                Value::Null
                            } else {
                                json!(trace.header.gfp.decode(event.gfp))
                            },
                        ),
                        ("node", if event.node < 0 { Value::Null } else { json!(event.node) }),
                    ])?;
                }
            }
        }
    }
    Ok(problems)
}

fn take<R>(rows: Result<Vec<R>, Problem>, problems: &mut Vec<Problem>) -> Vec<R> {
    rows.unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    })
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains([',', '"', '\n', '\r']) => format!("\"{}\"", text.replace('"', "\"\"")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
