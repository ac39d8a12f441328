use analyzer::{
    sql::{Database, Piece},
    table::Table,
};

use super::{arguments::TraceArgument, output};

#[derive(clap::Args)]
#[command(after_help = "\
The tables are those of the trace; without a query they are listed with their columns, and with the functions that give numbers \
their meaning. The language is SQLite's (https://sqlite.org/lang.html). Nothing can be written.

2^64-1, the kernel's \"none\" (the pfn of an allocation that failed), is NULL; raw addresses from 2^63 on come as negative numbers, \
which printf('%x', object) shows as the kernel does. \"order\" and \"end\" are words of SQL: as columns they need double quotes.

`time` is in ns; conditions on it, such as time < at(1.5), leave out whole batches. Tables of up to 65,536 rows are joined by number \
through an index. Of two large ones let SQLite keep one, and index it: WITH frees AS MATERIALIZED (SELECT …).

Examples:
  analyzer sql trace 'SELECT zone_name(zone) AS zone, \"order\", count(*) FROM page GROUP BY 1, 2'
  analyzer sql trace \"SELECT callsite(call_site) AS site, count(*) AS n, sum(bytes_alloc) AS bytes
      FROM slab WHERE kind_name(kind) = 'kmalloc' GROUP BY call_site ORDER BY n DESC LIMIT 10\"
  analyzer sql trace \"SELECT seconds(time) AS s, comm(pid, time) AS who, gfp_names(gfp) AS gfp
      FROM page WHERE pfn IS NULL\" --csv")]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceArgument,
    /// One SELECT; without it, the tables are listed
    #[arg(value_name = "QUERY")]
    query: Option<String>,
    #[command(flatten)]
    shape: output::Shape,
}

/// The number of rows that are in memory at once when all rows are written.
const PIECE: usize = 1 << 12;

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { query, shape, .. } = arguments;
    let database = Database::open(arguments.trace.open()?)?;
    let Some(query) = query else { return list(&database, shape) };
    if shape.is_for_people() {
        return database.query(query, shape.limit().unwrap_or(usize::MAX), |Piece { mut table, more }| {
            if more {
                table.note("… and more rows (--limit 0 shows all)");
            }
            table.notes.extend(database.notes());
            shape.write(&table)?;
            Ok(false)
        });
    }
    let mut first = true;
    database.query(query, PIECE, |Piece { table, more }| {
        let first = std::mem::take(&mut first);
        if shape.is_json() {
            write_json(&table, first, more)?;
        } else {
            write_csv(&table, first)?;
        }
        anyhow::Ok(true)
    })?;
    for note in database.notes() {
        eprintln!("analyzer: {}", note.trim_start_matches("! "));
    }
    Ok(())
}

/// Writes one piece of a JSON array. `first` and `more` say whether it begins and whether it ends the array.
fn write_json(table: &Table, first: bool, more: bool) -> anyhow::Result<()> {
    let serde_json::Value::Array(rows) = table.to_json() else { return Ok(()) };
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        text += if first && at == 0 { "[\n  " } else { ",\n  " };
        text += &serde_json::to_string_pretty(row)?.replace('\n', "\n  ");
    }
    if first && rows.is_empty() {
        text += "[]\n";
    } else if !more {
        text += "\n]\n";
    }
    output::write(&text)
}

fn write_csv(table: &Table, first: bool) -> anyhow::Result<()> {
    let heading = if first { table.csv_heading() } else { String::new() };
    output::write(&(heading + &table.csv_rows()))
}

/// Lists the tables and the functions.
fn list(database: &Database, shape: &output::Shape) -> anyhow::Result<()> {
    if !shape.is_for_people() {
        return shape.write(&database.columns());
    }
    for table in database.described() {
        output::table(&table, 0)?;
        output::write("\n")?;
    }
    output::table(&Database::functions(), 0)
}
