use analyzer::{Events, Key, Window, lifetimes};

use super::{arguments::TraceInTime, output};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceInTime,
    /// Key to group by, as in `analyzer stat`
    #[arg(long, value_name = "KEY", default_value = "order")]
    by: Key,
    /// Kernel objects (kmalloc, kfree) instead of pages
    #[arg(long)]
    slab: bool,
    #[command(flatten)]
    shape: output::Shape,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let events = if arguments.slab { Events::Slab } else { Events::Page };
    // The default of --by is `order`, but kernel objects have none.
    let by = if arguments.slab && arguments.by == Key::Order { Key::Function } else { arguments.by };
    let bar = output::Bar::new("reading");
    let (lifetimes, loss) = lifetimes::read(&trace, events, by, &|done, of| bar.update(done, of))?;
    drop(bar);
    let mut table = lifetimes::table(by, &lifetimes);
    table.notes.extend(loss.sentence(events).into_iter().chain(Window::sentence(&trace)));
    arguments.shape.write(&table)
}
