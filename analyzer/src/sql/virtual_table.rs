//! This module makes a virtual table of `SQLite`'s from a [`Source`]. `SQLite` is written in C and holds pointers to
//! the structs of this module. Hence the only `unsafe` of this crate: two promises about the first field of a struct.

use std::{
    borrow::Cow,
    ffi::{CStr, CString, c_int},
    sync::Arc,
};

use rusqlite::{
    Connection, Error, Result,
    types::Null,
    vtab::{
        Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConnection, VTabCursor, escape_double_quote,
        sqlite3_vtab, sqlite3_vtab_cursor,
    },
};

use super::{
    column::Value,
    plan::{Bound, Plan},
    rows::{Argument, Rows},
    source::Source,
};

/// Adds the table to a connection under its name.
pub(super) fn register(connection: &Connection, source: Arc<Source>) -> Result<()> {
    const MODULE: Module<'_, VirtualTable> = Module::eponymous_only_module();
    let name = source.table.clone();
    connection.create_module(name.as_str(), &MODULE, Some(source))
}

#[repr(C)]
struct VirtualTable {
    /// The part that `SQLite` uses, which must be the first field.
    base: sqlite3_vtab,
    source: Arc<Source>,
}

#[repr(C)]
struct Cursor {
    /// The part that `SQLite` uses, which must be the first field.
    base: sqlite3_vtab_cursor,
    rows: Rows,
}

// SAFETY: SQLite takes a pointer to this struct for one to a `sqlite3_vtab`; the struct is `repr(C)` and begins with
// one.
unsafe impl VTab<'_> for VirtualTable {
    type Aux = Arc<Source>;
    type Cursor = Cursor;

    fn connect(
        _connection: &mut VTabConnection,
        source: Option<&Arc<Source>>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _arguments: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let source = source.ok_or_else(|| Error::ModuleError("a table without a source".into()))?;
        source.meet();
        let columns = source
            .columns
            .iter()
            .map(|column| format!("\"{}\" {}", escape_double_quote(&column.name), column.sql_type));
        let declaration = format!("CREATE TABLE x({})", columns.collect::<Vec<_>>().join(", "));
        Ok((Cow::Owned(CString::new(declaration)?), Self { base: sqlite3_vtab::default(), source: Arc::clone(source) }))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let mut plan = Plan { columns: info.col_used(), ..Plan::default() };
        let (mut arguments, mut key) = (0, None);
        for (at, (constraint, mut usage)) in info.constraints_and_usages().enumerate() {
            let Ok(column) = usize::try_from(constraint.column()) else { continue };
            let bound = match constraint.operator() {
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ => Bound::Equal,
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GT | IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GE => {
                    Bound::Least
                }
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LT | IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LE => {
                    Bound::Most
                }
                _ => continue,
            };
            if !constraint.is_usable() {
                continue;
            }
            if self.source.is_small() {
                if bound == Bound::Equal && key.is_none() && self.source.columns[column].sql_type == "INTEGER" {
                    key = Some((at, column));
                }
            } else if Some(column) == self.source.time() {
                arguments += 1;
                usage.set_argv_index(arguments);
                plan.bounds.push(bound);
            }
        }
        if let Some((at, column)) = key {
            info.constraint_usage(at).set_argv_index(1);
            plan.key = Some(column);
        }
        let mut rows = self.source.rows as f64;
        if plan.key.is_some() {
            rows = rows.min(8.0);
        }
        // The arguments are not known yet, so each condition on the time is assumed to leave a quarter of the rows.
        rows = plan.bounds.iter().fold(rows, |rows, _| rows / 4.0);
        info.set_estimated_rows(rows as i64 + 1);
        // A row of a large table costs more, since a join decodes the table again for each row of the other table.
        info.set_estimated_cost(if self.source.is_small() { rows } else { rows * 20.0 } + 1.0);
        info.set_idx_str(&plan.to_string());
        Ok(true)
    }

    fn open(&mut self) -> Result<Cursor> {
        Ok(Cursor { base: sqlite3_vtab_cursor::default(), rows: Rows::new(Arc::clone(&self.source)) })
    }
}

// SAFETY: SQLite takes a pointer to this struct for one to a `sqlite3_vtab_cursor`; the struct is `repr(C)` and begins
// with one.
unsafe impl VTabCursor for Cursor {
    fn filter(&mut self, _number: c_int, plan: Option<&str>, arguments: &Filters<'_>) -> Result<()> {
        let plan = plan
            .and_then(|plan| plan.parse::<Plan>().ok())
            .ok_or_else(|| Error::ModuleError("a plan of another table".into()))?;
        let argument = |value: rusqlite::types::ValueRef<'_>| match value {
            rusqlite::types::ValueRef::Integer(number) => Argument::Integer(number),
            rusqlite::types::ValueRef::Real(number) => Argument::Real(number),
            _ => Argument::Other,
        };
        let arguments: Vec<Argument> = arguments.iter().map(argument).collect();
        self.rows.start(&plan, &arguments).map_err(failed)
    }

    fn next(&mut self) -> Result<()> {
        self.rows.advance().map_err(failed)
    }

    fn eof(&self) -> bool {
        self.rows.is_over()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        match self.rows.value(column as usize) {
            Value::Null => context.set_result(Null),
            Value::Integer(number) => context.set_result(number),
            Value::Real(number) => context.set_result(number),
            Value::Text(text) => context.set_result(text),
        }
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.rows.number())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: crate::Error) -> Error {
    Error::ModuleError(error.to_string())
}
