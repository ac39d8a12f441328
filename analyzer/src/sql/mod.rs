//! SQL over a trace: its tables are SQLite's virtual tables, so a query reads the segments as they are and nothing is copied into a database.
//!
//! SQLite runs in memory and may only read: an authorizer refuses every action but SELECT, so that a query that came from elsewhere cannot
//! touch files. What a sort has no room for goes to a temporary file of SQLite's own (`SQLITE_TMPDIR`).
//!
//! SQLite's integers are signed. Of the unsigned ones, 2^64-1 ("none", as the `pfn` of an allocation that failed) is NULL, and other numbers
//! from 2^63 on, which are raw kernel addresses, are the negative numbers of the same 64 bits.

mod column;
mod functions;
mod plan;
mod source;
mod virtual_table;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{
    Connection, ErrorCode,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    types::ValueRef,
};
use trace::{Program, Trace};

use self::source::{Met, Source};
use crate::{
    Error, Events, Loss,
    table::{Cell, Table, Unit},
    units,
};

/// KiB of what SQLite sorts that stay in memory.
const CACHE: i32 = 1 << 16;

/// A trace that can be asked in SQL.
pub struct Database {
    connection: Connection,
    sources: Vec<Arc<Source>>,
    loss: Loss,
    met: Arc<Mutex<Met>>,
}

/// A part of a result.
pub struct Piece {
    /// rows with the columns of the query
    pub table: Table,
    /// whether others follow
    pub more: bool,
}

impl Database {
    /// Makes the tables of a trace known to SQLite.
    ///
    /// # Errors
    /// [`Error::Query`] if SQLite lacks memory.
    pub fn open(trace: Trace) -> Result<Self, Error> {
        let mut loss = Loss::read(&trace);
        let mut connection = Connection::open_in_memory().map_err(error)?;
        let mut problems = Vec::new();
        functions::register(&connection, &trace, &mut problems).map_err(error)?;
        loss.add(problems);
        let (trace, met) = (Arc::new(trace), Arc::new(Mutex::new(Met::default())));
        let tables: BTreeSet<&str> = trace.segments.iter().map(|segment| segment.table.as_str()).filter(|table| is_plain(table)).collect();
        let sources: Vec<_> = tables.into_iter().filter_map(|table| Source::new(&trace, table, &met)).map(Arc::new).collect();
        for source in &sources {
            virtual_table::register(&connection, Arc::clone(source)).map_err(error)?;
        }
        protect(&mut connection).map_err(error)?;
        Ok(Self { connection, sources, loss, met })
    }

    /// Answers a query, in pieces of at most `rows` rows, at least one; `each` says whether it wants the next.
    ///
    /// # Errors
    /// [`Error::Query`] with what SQLite says, or what `each` returns.
    pub fn query<E: From<Error>>(&self, sql: &str, rows: usize, mut each: impl FnMut(Piece) -> Result<bool, E>) -> Result<(), E> {
        let mut statement = self.connection.prepare(sql).map_err(|error| self.explain(error))?;
        let names = unique(statement.column_names().into_iter().map(str::to_owned));
        let mut results = statement.query([]).map_err(|error| self.explain(error))?;
        let mut pending: Vec<Vec<Cell>> = Vec::new();
        while let Some(row) = results.next().map_err(|error| self.explain(error))? {
            if pending.len() >= rows.max(1) {
                let piece = Piece { table: table(&names, std::mem::take(&mut pending)), more: true };
                if !each(piece)? {
                    return Ok(());
                }
            }
            let cells = (0..names.len()).map(|column| row.get_ref(column).map(cell)).collect::<Result<_, _>>();
            pending.push(cells.map_err(|error| self.explain(error))?);
        }
        each(Piece { table: table(&names, pending), more: false }).map(drop)
    }

    /// What must be known to read the results so far rightly: what is missing in the tables that were asked for.
    pub fn notes(&self) -> Vec<String> {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notes = Vec::new();
        if self.loss.sample > 1 && [Events::Page, Events::Slab].into_iter().any(|events| met.tables.contains(events.table())) {
            notes.push(format!("! 1 frame and 1 object in {} was followed: what is counted or summed here is not scaled", self.loss.sample));
        }
        // The rows are shown as they are, so nothing is estimated.
        let mut loss = Loss { sample: 1, ..self.loss.clone() };
        loss.add(met.problems.clone());
        for table in &met.tables {
            match [Events::Page, Events::Slab].into_iter().find(|events| events.table() == table) {
                Some(events) => notes.extend(loss.sentence(events)),
                None => notes.extend(lost(&loss, table)),
            }
        }
        let problems = loss.problems.len();
        if problems > 0 && notes.iter().all(|note| !note.contains("problem(s)")) {
            notes.push(format!("! the trace has {problems} problem(s), see `analyzer info`"));
        }
        notes
    }

    /// Every column of every table.
    pub fn columns(&self) -> Table {
        let mut table = Table::new("Tables");
        table.column("table", "Table", Unit::Text).column("rows", "Rows", Unit::Count).column("column", "Column", Unit::Text);
        table.column("type", "Type", Unit::Text).column("meaning", "Meaning", Unit::Text).hidden("about", "What the table holds", Unit::Text);
        for source in &self.sources {
            for column in &source.columns {
                let text = |text: &str| Cell::Text(text.to_owned());
                let rows = Cell::Integer(source.rows.cast_signed());
                table.row(vec![text(&source.table), rows, text(&column.name), text(column.sql_type), text(&column.doc), text(&source.doc)]);
            }
        }
        table
    }

    /// The same, a table for each table, for people.
    pub fn described(&self) -> Vec<Table> {
        let describe = |source: &Arc<Source>| {
            let mut table = Table::new(format!("{}, {} rows: {}", source.table, units::count(source.rows.cast_signed()), source.doc));
            table.column("column", "Column", Unit::Text).column("type", "Type", Unit::Text).column("meaning", "Meaning", Unit::Text);
            for column in &source.columns {
                table.row([&column.name, column.sql_type, &column.doc].map(|text| Cell::Text(text.to_owned())).to_vec());
            }
            table
        };
        self.sources.iter().map(describe).collect()
    }

    /// The functions that there are beside SQLite's own.
    pub fn functions() -> Table {
        let mut table = Table::new("Functions, beside SQLite's own");
        table.column("function", "Function", Unit::Text).column("meaning", "What it gives", Unit::Text);
        for (function, meaning) in functions::FUNCTIONS {
            table.row(vec![Cell::Text(function.to_owned()), Cell::Text(meaning.to_owned())]);
        }
        table
    }

    /// What SQLite says, and what could have been written instead.
    fn explain(&self, error: rusqlite::Error) -> Error {
        let list = |names: Vec<&str>| names.join(", ");
        let (code, said) = match error {
            rusqlite::Error::SqlInputError { error, msg, .. } => (Some(error.code), msg),
            rusqlite::Error::SqliteFailure(error, message) => (Some(error.code), message.unwrap_or_else(|| error.to_string())),
            rusqlite::Error::MultipleStatement => (None, "it is more than one statement".to_owned()),
            error => (None, error.to_string()),
        };
        let hint = if code == Some(ErrorCode::AuthorizationForStatementDenied) || said.starts_with("not authorized") {
            "a query may only read: SELECT, WITH, VALUES, EXPLAIN QUERY PLAN".to_owned()
        } else if said.starts_with("no such table") {
            format!("this trace has the tables {}", list(self.sources.iter().map(|source| source.table.as_str()).collect()))
        } else if said.starts_with("no such column") {
            let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
            let named = self.sources.iter().filter(|source| met.tables.contains(&source.table));
            let columns = |source: &Arc<Source>| {
                format!("{} has the columns {}", source.table, list(source.columns.iter().map(|column| column.name.as_str()).collect()))
            };
            named.map(columns).collect::<Vec<_>>().join("; ")
        } else if said.starts_with("no such function") {
            format!("beside SQLite's own there are {}", list(functions::FUNCTIONS.iter().map(|(function, _)| *function).collect()))
        } else if let Some(word) =
            self.sources.iter().flat_map(|source| &source.columns).find(|column| said.starts_with(&format!("near \"{}\": syntax", column.name)))
        {
            format!("as the name of a column, write it in double quotes: \\\"{}\\\" in a shell", word.name)
        } else {
            String::new()
        };
        Error::Query(if hint.is_empty() { said } else { format!("{said}; {hint}") })
    }
}

/// Nothing but reading, and no misspelt column taken for a text.
fn protect(connection: &mut Connection) -> rusqlite::Result<()> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => Authorization::Allow,
        _ => Authorization::Deny,
    }))
}

/// Whether a table can have this name in SQL. The manifest could say anything.
fn is_plain(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
        && !name.starts_with("sqlite_")
        && !name.starts_with("pragma_")
}

/// What the ledger says is missing in a table of other events than pages and objects.
fn lost(loss: &Loss, table: &str) -> Option<String> {
    let programs: BTreeSet<&str> = Program::ALL.iter().filter(|program| program.family().name() == table).map(|program| program.name()).collect();
    let lost: u64 =
        loss.ledger.iter().filter(|account| programs.contains(account.program.as_str())).map(|account| account.dropped + account.missed).sum();
    (lost > 0).then(|| format!("! {} {table} events are not in this trace: dropped, or missed by the kernel", units::count(lost.cast_signed())))
}

/// The names of columns; what comes twice gets a number, since JSON wants them apart.
fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |name: String| {
        let free = (1..).map(|number| if number == 1 { name.clone() } else { format!("{name}_{number}") }).find(|name| !taken.contains(name));
        let free = free.unwrap_or(name);
        taken.insert(free.clone());
        free
    };
    names.map(name).collect()
}

fn table(names: &[String], rows: Vec<Vec<Cell>>) -> Table {
    let mut table = Table::new("Result");
    for (at, name) in names.iter().enumerate() {
        let is_text = rows.iter().any(|row| matches!(row[at], Cell::Text(_)));
        table.column(name, name, if is_text { Unit::Text } else { Unit::Number });
    }
    table.rows = rows;
    table
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::None,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn error(error: rusqlite::Error) -> Error {
    Error::Query(error.to_string())
}
