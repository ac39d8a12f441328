//! The SQL functions that put the numbers of a trace into words, and convert its times.

use std::sync::Arc;

use rusqlite::{
    Connection, Result,
    functions::{Context, FunctionFlags},
};
use trace::{Header, Problem, Trace};

use crate::{
    decode::{names::Names, symbols::Symbols, tasks::Tasks},
    fast_hash::NumberMap,
};

/// The names of a trace, without a reference to the trace, since `SQLite` may keep its functions for any time.
struct Words {
    header: Header,
    tasks: Tasks,
    symbols: Symbols,
    callers: NumberMap<u32, u64>,
}

/// A function as users write it, and its meaning.
type Described = (&'static str, &'static str);

/// The functions that are added to `SQLite`'s own.
pub(super) const FUNCTIONS: [Described; 9] = [
    ("gfp_names(gfp)", "the flags of a GFP mask, in the words of the traced kernel"),
    ("zone_name(zone)", "name of a zone, with its node where there are several"),
    ("migratetype_name(migratetype)", "name of a migratetype; - for a free"),
    ("kind_name(kind)", "what an event is: page_alloc, page_free, kmalloc, kfree, …"),
    ("callsite(call_site)", "a place in the kernel, as function+offset [module]"),
    (
        "caller(stack)",
        "the call_site that asked for pages: the first one of a stack outside the allocator; NULL without a stack",
    ),
    (
        "comm(pid, time)",
        "name that a thread had at a time (the table task has a row for each name it ever had); NULL if the trace does not tell",
    ),
    ("seconds(time)", "seconds since the recording began"),
    (
        "at(seconds)",
        "the time so many seconds after the recording began: WHERE time < at(1.5) leaves out the batches that it can",
    ),
];

/// Adds the functions to a connection. Damage to the tables of names is added to `problems`.
pub(super) fn register(connection: &Connection, trace: &Trace, problems: &mut Vec<Problem>) -> Result<()> {
    let Names { tasks, symbols, callers, .. } = Names::read(trace, problems);
    let words = Arc::new(Words { header: trace.header.clone(), tasks, symbols, callers });
    let start = trace.header.clock.start_ns;
    number(connection, &words, "gfp_names", |words, gfp| Some(words.header.gfp.decode(u32::try_from(gfp).ok()?)))?;
    number(connection, &words, "zone_name", |words, zone| Some(words.header.zone_name(u8::try_from(zone).ok()?)))?;
    number(connection, &words, "migratetype_name", |words, number| {
        Some(words.header.migratetype_name(u8::try_from(number).ok()?))
    })?;
    number(connection, &words, "kind_name", |words, kind| Some(words.header.kind_name(u8::try_from(kind).ok()?)))?;
    number(connection, &words, "callsite", |words, id| Some(words.symbols.callsite(id.cast_unsigned())))?;
    number(connection, &words, "caller", |words, stack| {
        words.callers.get(&u32::try_from(stack).ok()?).map(|id| id.cast_signed())
    })?;
    number(connection, &words, "seconds", move |_, time| Some((time as f64 - start as f64) / 1e9))?;
    scalar(connection, "at", 1, move |context| {
        Ok(context
            .get::<Option<f64>>(0)?
            .map(|seconds| start.cast_signed().saturating_add((seconds * 1e9).round() as i64)))
    })?;
    scalar(connection, "comm", 2, move |context| {
        let (Some(pid), Some(time)) = (context.get::<Option<i64>>(0)?, context.get::<Option<i64>>(1)?) else {
            return Ok(None);
        };
        let (Ok(pid), Ok(time)) = (u32::try_from(pid), u64::try_from(time)) else { return Ok(None) };
        let named = words.tasks.named(words.tasks.at(pid, time));
        Ok(words.tasks.comm(named.comm).map(str::to_owned))
    })
}

/// Adds a function of one integer. It returns NULL for NULL, and for numbers without a meaning.
fn number<T: rusqlite::ToSql + 'static>(
    connection: &Connection,
    words: &Arc<Words>,
    name: &str,
    meaning: impl Fn(&Words, i64) -> Option<T> + Send + Sync + 'static,
) -> Result<()> {
    let words = Arc::clone(words);
    scalar(connection, name, 1, move |context| {
        Ok(context.get::<Option<i64>>(0)?.and_then(|number| meaning(&words, number)))
    })
}

fn scalar<T: rusqlite::ToSql + 'static>(
    connection: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&Context<'_>) -> Result<Option<T>> + Send + 'static,
) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(name, arguments, flags, move |context| function(context))
}
