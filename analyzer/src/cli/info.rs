use analyzer::{
    info::Info,
    table::{Cell, Table, Unit},
    units,
};

use super::{arguments::TraceArgument, output};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceArgument,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let bar = output::Bar::new("reading");
    let info = Info::read(&trace, &|done, of| bar.update(done, of))?;
    drop(bar);
    if arguments.json {
        return output::json(&info.to_json());
    }
    let facts: Vec<String> = info.facts().into_iter().map(|(label, value)| format!("{label:>9}  {value}\n")).collect();
    output::write(&facts.concat())?;
    let mut events = Table::new("\nEvents");
    events.column("kind", "Kind", Unit::Text).column("count", "Count", Unit::Count);
    for (kind, count) in &info.events {
        events.row(vec![Cell::Text(kind.clone()), Cell::Integer(count.cast_signed())]);
    }
    output::table(&events, 0)?;
    let mut ledger = info.loss.table();
    "\nLoss ledger".clone_into(&mut ledger.title);
    let totals = info.loss.totals();
    ledger.note(totals.equation());
    let missed = units::count(totals.missed.cast_signed());
    ledger
        .note(format!("missed {missed}: the kernel did not run a program because it was running already on that CPU"));
    output::table(&ledger, 0)?;
    let problems = &info.loss.problems;
    if problems.is_empty() {
        return output::write("\nIntegrity  ✓ every checksum is right\n");
    }
    let list: Vec<String> = problems.iter().map(|problem| format!("  ✗ {problem}\n")).collect();
    let count = units::len(problems.len());
    output::write(&format!(
        "\nIntegrity  ✗ {count} problem(s); everything else in the trace was read\n{}",
        list.concat()
    ))
}
