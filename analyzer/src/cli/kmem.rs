use analyzer::{Events, Loss, Names, kmem, table::Table};

use super::{TraceArgument, output};

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags, as perf has them")]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceArgument,
    /// Pages
    #[arg(long)]
    page: bool,
    /// Kernel objects; this is the default, as in perf
    #[arg(long, conflicts_with = "page")]
    slab: bool,
    /// The call sites of kernel objects too
    #[arg(long, conflicts_with = "page")]
    caller: bool,
    /// Name the migratetypes as perf does, which is not as the kernel does
    #[arg(long, requires = "page")]
    perf_compat: bool,
    #[command(flatten)]
    shape: output::Shape,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let mut loss = Loss::read(&trace);
    let bar = output::Bar::new("reading");
    let progress = |done, of| bar.update(done, of);
    let (events, mut tables, problems): (_, Vec<Table>, _) = if arguments.page {
        let (pages, problems) = kmem::Pages::read(&trace, &progress)?;
        (
            Events::Page,
            vec![pages.summary(), pages.orders(&trace.header, if arguments.perf_compat { &kmem::PERF_MIGRATETYPES } else { &[] })],
            problems,
        )
    } else {
        let (objects, problems) = kmem::Objects::read(&trace, &progress)?;
        let mut tables = vec![objects.summary()];
        if arguments.caller {
            let names = Names::read(&trace, &mut loss.problems);
            tables.insert(0, objects.callers(|site| names.callsite(site)));
        }
        (Events::Slab, tables, problems)
    };
    drop(bar);
    loss.add(problems);
    if let Some(last) = tables.last_mut() {
        last.notes.extend(loss.sentence(events));
    }
    if arguments.shape.is_json() {
        let all: serde_json::Map<_, _> = tables.iter().map(|table| (table.title.to_lowercase().replace(' ', "_"), table.to_json())).collect();
        return output::json(&all.into());
    }
    tables.iter().try_for_each(|table| arguments.shape.write(table))
}
