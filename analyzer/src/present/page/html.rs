//! The page, from the template beside this file.

use minijinja::{AutoEscape, Environment, Value, context};

use super::section::Section;
use crate::{
    Error,
    present::{
        charts::{Theme, css_variables},
        table::{Cell, Table, Unit},
    },
    units,
};

/// What a page shows.
pub struct Page<'a> {
    /// its heading
    pub title: String,
    /// label and value of what is said about the whole, below the heading
    pub facts: Vec<(&'static str, String)>,
    /// sentences that stand out before everything else
    pub warnings: &'a [String],
    /// the sections, in order
    pub sections: &'a [Section],
}

/// Rows that are shown of a table that has more than twice as many, the others when they are asked for: until then they
/// cost the browser no layout.
const SHOWN_ROWS: usize = 25;

/// Writes a page.
///
/// # Errors
/// [`Error::Chart`] if a chart cannot be drawn.
pub fn render(page: &Page<'_>) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let failed =
        |error: minijinja::Error| Error::Text { what: "the report's template".into(), reason: error.to_string() };
    environment.add_template("report", include_str!("template.html")).map_err(failed)?;
    let sections = page.sections.iter().map(section).collect::<Result<Vec<_>, _>>()?;
    let facts: Vec<_> = page.facts.iter().map(|(label, value)| context! { label => *label, value }).collect();
    let values = context! {
        title => &page.title,
        style => Value::from_safe_string(include_str!("style.css").to_owned()),
        script => Value::from_safe_string(include_str!("script.js").to_owned()),
        light => Value::from_safe_string(css_variables(Theme::Light)),
        dark => Value::from_safe_string(css_variables(Theme::Dark)),
        version => env!("CARGO_PKG_VERSION"),
        warnings => page.warnings.to_vec(),
        facts,
        sections,
    };
    environment.get_template("report").and_then(|template| template.render(values)).map_err(failed)
}

/// Returns what the template needs of a section.
fn section(section: &Section) -> Result<Value, Error> {
    let charts = section
        .charts
        .iter()
        .map(|chart| Ok(context! { svg => Value::from_safe_string(chart.svg(Theme::Css)?), name => chart.name() }));
    let charts = charts.collect::<Result<Vec<_>, Error>>()?;
    let tables: Vec<_> =
        section.tables.iter().enumerate().map(|(at, shown)| table(shown, &format!("{}-{at}", section.id))).collect();
    Ok(context! { id => section.id, title => section.title, intro => section.intro.as_str(), charts, tables })
}

/// Returns what the template needs of a table, whose name in links is `id`.
fn table(table: &Table, id: &str) -> Value {
    let visible: Vec<_> = table.visible().collect();
    // A column with long texts gets room for them, since it would be the first to be squeezed.
    let wide =
        |at: usize| table.rows.iter().any(|row| matches!(&row[at], Cell::Text(text) if text.chars().count() > 28));
    let class = |at: usize, unit: Unit| match unit {
        Unit::Text if wide(at) => "text wide",
        Unit::Text => "text",
        _ => "number",
    };
    let columns: Vec<_> = visible
        .iter()
        .map(|&(at, column)| context! { heading => column.heading(), class => class(at, column.unit) })
        .collect();
    let row = |row: &Vec<Cell>| -> Value {
        let cells = visible.iter().map(|&(at, column)| {
            let shown = row[at].show(column.unit);
            // Numbers are sorted by their value, not by what they look like, which the title shows too.
            let exact = row[at].number();
            let zero = exact == Some(0.0) && column.unit != Unit::Number;
            let names = column.unit == Unit::Text && shown.contains('|');
            context! { shown, exact, class => class(at, column.unit), zero, names }
        });
        Value::from(cells.collect::<Vec<_>>())
    };
    let is_long = table.rows.len() > 2 * SHOWN_ROWS;
    let (shown, folded) = table.rows.split_at(if is_long { SHOWN_ROWS } else { table.rows.len() });
    // The second body of the table is hidden, if there is one.
    let bodies: Vec<Vec<_>> =
        [shown, folded].iter().filter(|body| !body.is_empty()).map(|body| body.iter().map(row).collect()).collect();
    let (shown, count) = (shown.len(), units::len(table.rows.len()));
    let (warnings, notes): (Vec<_>, Vec<_>) = table.notes.iter().cloned().partition(|note| note.starts_with("! "));
    let warnings: Vec<_> =
        warnings.iter().map(|warning: &String| warning.trim_start_matches("! ").to_owned()).collect();
    context! { id, title => table.title.as_str(), warnings, notes, columns, bodies, folded => is_long, shown, count }
}
