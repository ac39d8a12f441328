use std::path::PathBuf;

use analyzer::{Events, Key, diff, stat};

use super::output;

#[derive(clap::Args)]
pub struct Arguments {
    /// The trace to compare with
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The trace that is compared
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Keys to group by, as in `analyzer stat`
    #[arg(long, value_name = "KEYS", value_delimiter = ',', default_value = "gfp")]
    by: Vec<Key>,
    /// Kernel objects (kmalloc, kfree) instead of pages
    #[arg(long)]
    slab: bool,
    #[command(flatten)]
    shape: output::Shape,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let events = if arguments.slab { Events::Slab } else { Events::Page };
    let read = |dir: &PathBuf, name: &'static str| -> anyhow::Result<_> {
        let trace = trace::Trace::open(dir)?;
        let bar = output::Bar::new(name);
        let (grouping, loss) = stat::read(&trace, events, &arguments.by, &|done, of| bar.update(done, of))?;
        Ok((
            grouping,
            trace.header.duration_s(),
            loss.sentence(events).map(|sentence| format!("{sentence} (trace {name})")),
        ))
    };
    let (a, a_seconds, a_loss) = read(&arguments.a, "A")?;
    let (b, b_seconds, b_loss) = read(&arguments.b, "B")?;
    let mut table = diff::table(&arguments.by, (&a, a_seconds), (&b, b_seconds));
    table.notes.extend(a_loss.into_iter().chain(b_loss));
    arguments.shape.write(&table)
}
