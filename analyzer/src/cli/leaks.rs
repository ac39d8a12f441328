use analyzer::{Events, Key, leaks};

use super::{arguments::TraceArgument, output};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceArgument,
    /// Key to group by, as in `analyzer stat`; default: callsite, or gfp with --page
    #[arg(long, value_name = "KEY")]
    by: Option<Key>,
    /// Pages instead of kernel objects
    #[arg(long)]
    page: bool,
    /// Show only what is kept with at least this confidence, 0 to 1
    #[arg(long, value_name = "CONFIDENCE", default_value_t = 0.2)]
    min_confidence: f64,
    #[command(flatten)]
    shape: output::Shape,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let (events, default) = if arguments.page { (Events::Page, Key::Gfp) } else { (Events::Slab, Key::Callsite) };
    let by = arguments.by.unwrap_or(default);
    let bar = output::Bar::new("reading");
    let (mut suspects, loss) = leaks::read(&trace, events, by, &|done, of| bar.update(done, of))?;
    drop(bar);
    suspects.retain(|suspect| suspect.confidence >= arguments.min_confidence);
    let mut table = leaks::table(by, &suspects);
    if suspects.is_empty() {
        table.note("nothing in this trace is kept so steadily; --min-confidence 0 shows all that is live");
    }
    table.notes.extend(loss.sentence(events));
    arguments.shape.write(&table)
}
