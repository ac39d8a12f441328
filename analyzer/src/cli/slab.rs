use analyzer::{Events, Key, Window, slab};

use super::{arguments::TraceInTime, output};

#[derive(clap::Args)]
#[command(after_help = "\
Columns; all are about objects that were allocated within the trace:
  Waste, Alloc, Req   live at the end: given out, asked for, and the difference
  TotAlloc, TotReq    all that was ever allocated
  MaxAlloc, MaxReq    the most that was live at once, each at its own time
  MaxWaste, At        the most that was wasted at once, and when
  Frag                share of TotAlloc that is waste: internal fragmentation
  Ping-pong           frees on another CPU than the allocation's
  Cross-node          allocations that asked for another node than their CPU's

`trace-cmd mem` prints MaxAlloc - MaxReq as MaxWaste, though both may be of different moments, and counts an object as live for ever \
if its free was not traced, even where its memory was given out again.

Examples:
  analyzer slab trace                           who wastes, by call site
  analyzer slab trace --by function             what `trace-cmd mem` shows
  analyzer slab trace --by class --sort alloc   which size classes hold what is live
  analyzer slab trace --misfits                 where another size would save memory")]
pub struct Arguments {
    #[command(flatten)]
    trace: TraceInTime,
    /// Key to group by, as in `analyzer stat`
    #[arg(long, value_name = "KEY", default_value = "callsite")]
    by: Key,
    /// Sort by this column, greatest first
    #[arg(long, value_enum, default_value_t = Sort::MaxWaste)]
    sort: Sort,
    /// Only the kmalloc requests that another size would serve better
    #[arg(long, conflicts_with_all = ["by", "sort"])]
    misfits: bool,
    #[command(flatten)]
    shape: output::Shape,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    /// the most that was wasted at once
    MaxWaste,
    /// wasted at the end
    Waste,
    /// live at the end
    Alloc,
    /// all that was ever allocated
    TotAlloc,
    /// the most that was live at once
    MaxAlloc,
    /// share that is waste
    Frag,
    /// frees on another CPU
    PingPong,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let trace = arguments.trace.open()?;
    let bar = output::Bar::new("reading");
    let (mut slab, loss) = slab::read(&trace, arguments.by, &|done, of| bar.update(done, of))?;
    drop(bar);
    slab.usages.sort_by(|(_, a), (_, b)| match arguments.sort {
        // The library returns the usages in this order.
        Sort::MaxWaste => std::cmp::Ordering::Equal,
        Sort::Waste => b.now.waste().cmp(&a.now.waste()),
        Sort::Alloc => b.now.alloc.cmp(&a.now.alloc),
        Sort::TotAlloc => b.total.alloc.cmp(&a.total.alloc),
        Sort::MaxAlloc => b.max.alloc.cmp(&a.max.alloc),
        Sort::Frag => b.total.fragmentation().total_cmp(&a.total.fragmentation()),
        Sort::PingPong => b.pingpong.cmp(&a.pingpong),
    });
    let mut usages = slab.table(&trace.header);
    let mut misfits = slab::misfits_table(&slab.misfits, trace.header.clock.start_ns);
    let sentences = loss.sentence(Events::Slab).into_iter().chain(Window::sentence(&trace));
    if arguments.misfits {
        misfits.notes.extend(sentences);
        return arguments.shape.write(&misfits);
    }
    usages.notes.extend(sentences);
    arguments.shape.write(&usages)?;
    // JSON and CSV have one table at a time.
    if arguments.shape.is_for_people() && !slab.misfits.is_empty() {
        output::write("\n")?;
        arguments.shape.write(&misfits)?;
    }
    Ok(())
}
