use analyzer::{Events, Key, Window, stat};

use super::{arguments::TraceInTime, output};

#[derive(clap::Args)]
#[command(after_help = keys())]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceInTime,
    /// Keys to group by, separated by commas; none: one row for everything
    #[arg(long, value_name = "KEYS", value_delimiter = ',', default_value = "zone,order")]
    by: Vec<Key>,
    /// Kernel objects (kmalloc, kfree) instead of pages
    #[arg(long)]
    slab: bool,
    /// One row for everything
    #[arg(long, conflicts_with = "by")]
    total: bool,
    /// Sort by this column
    #[arg(long, value_enum, default_value_t = Sort::Size)]
    sort: Sort,
    #[command(flatten)]
    shape: output::Shape,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    /// bytes allocated, greatest first
    Size,
    /// the keys, ascending
    Keys,
    /// bytes live at the end, greatest first
    Live,
    /// requests, greatest first
    Requests,
}

fn keys() -> String {
    let lines = Key::ALL.iter().map(|key| {
        let only = match (key.is_in(Events::Page), key.is_in(Events::Slab)) {
            (true, false) => " (pages only)",
            (false, true) => " (--slab only)",
            _ => "",
        };
        format!("  {:<12} {}{only}\n", key.name(), key.doc())
    });
    format!(
        "Keys:\n{}A free is counted where its allocation was; `unmatched_frees` are those whose allocation is not in the trace.",
        lines.collect::<String>()
    )
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let events = if arguments.slab { Events::Slab } else { Events::Page };
    let by: &[Key] = if arguments.total { &[] } else { &arguments.by };
    // The default of --by is `zone,order`, but kernel objects have neither.
    let by = if arguments.slab && by == [Key::Zone, Key::Order] { &[Key::Function] } else { by };
    let bar = output::Bar::new("reading");
    let (mut grouping, loss) = stat::read(&trace, events, by, &|done, of| bar.update(done, of))?;
    drop(bar);
    match arguments.sort {
        Sort::Size => {}
        Sort::Keys => grouping.groups.sort_by(|a, b| a.values.cmp(&b.values)),
        Sort::Live => grouping.groups.sort_by_key(|group| -group.counts.live),
        Sort::Requests => grouping.groups.sort_by_key(|group| -(group.counts.allocs + group.counts.failures)),
    }
    let what = if arguments.slab { "Kernel objects" } else { "Pages" };
    let title = match by {
        [] => format!("{what}, all together"),
        by => format!("{what} by {}", by.iter().map(|key| key.name()).collect::<Vec<_>>().join(" × ")),
    };
    let mut table = stat::table(&grouping, &title, loss.lost(events));
    table.notes.extend(loss.sentence(events).into_iter().chain(Window::sentence(&trace)));
    let table = if arguments.shape.is_for_people() { stat::for_people(table) } else { table };
    arguments.shape.write(&table)
}
