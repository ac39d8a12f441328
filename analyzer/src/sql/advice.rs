//! This module explains `SQLite`'s errors, with advice what could be written instead.

use std::{collections::BTreeSet, sync::Arc};

use rusqlite::{Error as Sqlite, ErrorCode};

use super::{functions::FUNCTIONS, source::Source};
use crate::Error;

/// Returns an error with `SQLite`'s message and a hint how to mend the query. `tables` are the names of the tables that
/// queries have named so far.
pub(super) fn explain(error: Sqlite, sources: &[Arc<Source>], tables: &BTreeSet<String>) -> Error {
    let (code, said) = match error {
        Sqlite::SqlInputError { error, msg, .. } => (Some(error.code), msg),
        Sqlite::SqliteFailure(error, message) => (Some(error.code), message.unwrap_or_else(|| error.to_string())),
        Sqlite::MultipleStatement => (None, "it is more than one statement".to_owned()),
        error => (None, error.to_string()),
    };
    let denied = code == Some(ErrorCode::AuthorizationForStatementDenied) || said.starts_with("not authorized");
    let hint = if denied {
        "a query may only read: SELECT, WITH, VALUES, EXPLAIN QUERY PLAN".to_owned()
    } else if said.starts_with("no such table") {
        format!("this trace has the tables {}", list(sources.iter().map(|source| source.table.as_str())))
    } else if said.starts_with("no such column") {
        let named = sources.iter().filter(|source| tables.contains(&source.table));
        let columns = named.map(|source| {
            format!(
                "{} has the columns {}",
                source.table,
                list(source.columns.iter().map(|column| column.name.as_str()))
            )
        });
        columns.collect::<Vec<_>>().join("; ")
    } else if said.starts_with("no such function") {
        format!("beside SQLite's own there are {}", list(FUNCTIONS.iter().map(|(function, _)| *function)))
    } else {
        // Some columns, such as `order` and `end`, have the names of SQL's key words.
        let mut columns = sources.iter().flat_map(|source| &source.columns);
        let word = columns.find(|column| said.starts_with(&format!("near \"{}\": syntax", column.name)));
        word.map_or_else(String::new, |word| {
            format!("as the name of a column, write it in double quotes: \\\"{}\\\" in a shell", word.name)
        })
    };
    Error::Query(if hint.is_empty() { said } else { format!("{said}; {hint}") })
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
