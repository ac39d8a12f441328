//! This module answers SQL queries on a trace. The trace's tables are virtual tables of `SQLite`, so a query reads the
//! segments as they are, and nothing is copied into a database.
//!
//! `SQLite` runs in memory and may only read. An authorizer refuses every action but SELECT, so that a query from an
//! untrusted source cannot touch files. A sort that needs more memory than the cache uses a temporary file of
//! `SQLite`'s (in `SQLITE_TMPDIR`).
//!
//! `SQLite`'s integers are signed. The unsigned number 2^64-1, which means "none" (such as the `pfn` of a failed
//! allocation), is NULL. The other numbers from 2^63 on, which are raw kernel addresses, are the negative numbers with
//! the same 64 bits.

mod advice;
mod column;
mod decoded;
mod functions;
mod plan;
mod protect;
mod result;
mod rows;
mod source;
mod virtual_table;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use rusqlite::Connection;
use trace::{Program, Trace};

use self::source::{Met, Source, locked};
use crate::{
    Error, Events, Loss,
    present::table::{Cell, Table, Unit},
    units,
};

/// A trace that SQL queries can read.
pub struct Database {
    connection: Connection,
    sources: Vec<Arc<Source>>,
    loss: Loss,
    met: Arc<Mutex<Met>>,
}

/// A part of a query's result.
pub struct Piece {
    /// The rows of the piece, with the columns of the query.
    pub table: Table,
    /// Whether more pieces follow.
    pub more: bool,
}

impl Database {
    /// Opens a database whose tables are those of a trace.
    ///
    /// # Errors
    /// Returns [`Error::Query`] if `SQLite` lacks memory.
    pub fn open(trace: Trace) -> Result<Self, Error> {
        let mut loss = Loss::read(&trace);
        let mut connection = Connection::open_in_memory().map_err(error)?;
        let mut problems = Vec::new();
        functions::register(&connection, &trace, &mut problems).map_err(error)?;
        loss.add(problems);
        let (trace, met) = (Arc::new(trace), Arc::new(Mutex::new(Met::default())));
        let tables: BTreeSet<&str> =
            trace.segments.iter().map(|segment| segment.table.as_str()).filter(|table| is_plain(table)).collect();
        let sources: Vec<_> =
            tables.into_iter().filter_map(|table| Source::new(&trace, table, &met)).map(Arc::new).collect();
        for source in &sources {
            virtual_table::register(&connection, Arc::clone(source)).map_err(error)?;
        }
        protect::protect(&mut connection).map_err(error)?;
        Ok(Self { connection, sources, loss, met })
    }

    /// Answers a query in one or more pieces of at most `rows` rows. `each` takes a piece and returns whether it wants
    /// the next one.
    ///
    /// # Errors
    /// Returns [`Error::Query`] with `SQLite`'s message, or the error of `each`.
    pub fn query<E: From<Error>>(
        &self,
        sql: &str,
        rows: usize,
        mut each: impl FnMut(Piece) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut statement = self.connection.prepare(sql).map_err(|error| self.failed(error))?;
        let names = result::unique(statement.column_names());
        let mut results = statement.query([]).map_err(|error| self.failed(error))?;
        let mut pending: Vec<Vec<Cell>> = Vec::new();
        while let Some(row) = results.next().map_err(|error| self.failed(error))? {
            if pending.len() >= rows.max(1) {
                let piece = Piece { table: result::table(&names, std::mem::take(&mut pending)), more: true };
                if !each(piece)? {
                    return Ok(());
                }
            }
            let cells = (0..names.len()).map(|column| row.get_ref(column).map(result::cell)).collect::<Result<_, _>>();
            pending.push(cells.map_err(|error| self.failed(error))?);
        }
        each(Piece { table: result::table(&names, pending), more: false }).map(drop)
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        advice::explain(error, &self.sources, &locked(&self.met).tables)
    }

    /// Returns the notes that belong to the results so far: the sampling, and the losses and problems of the tables
    /// that queries named.
    pub fn notes(&self) -> Vec<String> {
        let met = locked(&self.met);
        let mut notes = Vec::new();
        if self.loss.sample > 1 && Events::ALL.into_iter().any(|events| met.tables.contains(events.table())) {
            notes.push(format!(
                "! 1 frame and 1 object in {} was followed: what is counted or summed here is not scaled",
                units::count(i64::from(self.loss.sample))
            ));
        }
        // Queries return rows without scaling, so the sentences about losses must not say that numbers are estimated.
        let mut loss = Loss { sample: 1, ..self.loss.clone() };
        loss.add(met.problems.clone());
        for table in &met.tables {
            match Events::ALL.into_iter().find(|events| events.table() == table) {
                Some(events) => notes.extend(loss.sentence(events)),
                None => notes.extend(missing(&loss, table)),
            }
        }
        let problems = loss.problems.len();
        if problems > 0 && notes.iter().all(|note| !note.contains("problem(s)")) {
            notes.push(format!("! the trace has {} problem(s), see `analyzer info`", units::len(problems)));
        }
        notes
    }

    /// Returns a table with a row for every column of every table.
    pub fn columns(&self) -> Table {
        let mut table = Table::new("Tables");
        table.column("table", "Table", Unit::Text).column("rows", "Rows", Unit::Count).column(
            "column",
            "Column",
            Unit::Text,
        );
        table.column("type", "Type", Unit::Text).column("meaning", "Meaning", Unit::Text).hidden(
            "about",
            "What the table holds",
            Unit::Text,
        );
        for source in &self.sources {
            for column in &source.columns {
                let text = |text: &str| Cell::Text(text.to_owned());
                let rows = Cell::Integer(source.rows.cast_signed());
                table.row(vec![
                    text(&source.table),
                    rows,
                    text(&column.name),
                    text(column.sql_type),
                    text(&column.doc),
                    text(&source.doc),
                ]);
            }
        }
        table
    }

    /// Returns the columns in the form for people: a table of columns for each table.
    pub fn described(&self) -> Vec<Table> {
        let describe = |source: &Arc<Source>| {
            let mut table = Table::new(format!(
                "{}, {} rows: {}",
                source.table,
                units::count(source.rows.cast_signed()),
                source.doc
            ));
            table.column("column", "Column", Unit::Text).column("type", "Type", Unit::Text).column(
                "meaning",
                "Meaning",
                Unit::Text,
            );
            for column in &source.columns {
                table
                    .row([&column.name, column.sql_type, &column.doc].map(|text| Cell::Text(text.to_owned())).to_vec());
            }
            table
        };
        self.sources.iter().map(describe).collect()
    }

    /// Returns a table of the functions that are added to `SQLite`'s own.
    pub fn functions() -> Table {
        let mut table = Table::new("Functions, beside SQLite's own");
        table.column("function", "Function", Unit::Text).column("meaning", "What it gives", Unit::Text);
        for (function, meaning) in functions::FUNCTIONS {
            table.row(vec![Cell::Text(function.to_owned()), Cell::Text(meaning.to_owned())]);
        }
        table
    }
}

/// Returns whether a table can have this name in SQL without quotes. The check is needed since the names come from the
/// manifest, which may be damaged or hostile.
fn is_plain(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
        && !name.starts_with("sqlite_")
        && !name.starts_with("pragma_")
}

/// Returns the note about the events that the ledger counts as missing, for a table of other events than pages and
/// objects.
fn missing(loss: &Loss, table: &str) -> Option<String> {
    let programs: BTreeSet<&str> =
        Program::ALL.iter().filter(|program| program.family().name() == table).map(|program| program.name()).collect();
    let events: u64 = loss
        .ledger
        .iter()
        .filter(|account| programs.contains(account.program.as_str()))
        .map(|account| account.dropped + account.missed)
        .sum();
    let count = units::count(events.cast_signed());
    (events > 0).then(|| format!("! {count} {table} events are not in this trace: dropped, or missed by the kernel"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn error(error: rusqlite::Error) -> Error {
    Error::Query(error.to_string())
}
