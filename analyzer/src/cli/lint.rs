use analyzer::{Events, Window, lint};

use super::{arguments::TraceInTime, output};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceInTime,
    #[command(flatten)]
    shape: output::Shape,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let bar = output::Bar::new("reading");
    let (findings, loss) = lint::read(&trace, &|done, of| bar.update(done, of))?;
    drop(bar);
    let mut table = lint::table(&findings);
    if findings.is_empty() {
        table.note("✓ nothing illegal or suspicious was asked for in this trace");
    }
    table.notes.extend(loss.sentence(Events::Page).into_iter().chain(Window::sentence(&trace)));
    arguments.shape.write(&table)
}
