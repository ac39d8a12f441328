//! The command `analyzer kmem`, which takes the options of `perf kmem stat`. As in perf, `--sort` and `--line` are
//! about the last table that was asked for before them, so the order of the options counts.

use analyzer::{
    Events, Loss, Names, Window,
    batches::{self, Progress},
    kmem::{self, Arithmetic, Listing, ObjectKey, Objects, PageKey, Pages},
    table::Table,
};
use anyhow::bail;
use clap::{ArgAction, ArgMatches};
use trace::{Problem, Trace};

use super::{arguments::TraceInTime, output};

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags, as perf has them")]
pub struct Arguments {
    // First, since what comes after takes its values out of what clap has found.
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    trace: TraceInTime,
    /// Pages
    #[arg(long)]
    page: bool,
    /// Kernel objects; this is the default, as in perf
    #[arg(long)]
    slab: bool,
    /// What each call site allocated
    #[arg(long)]
    caller: bool,
    /// What each page or object was allocated for
    #[arg(long)]
    alloc: bool,
    /// Pages that are live at the end instead of all
    #[arg(long)]
    live: bool,
    /// Sort the table asked for last by these: ptr, callsite, bytes, hit, pingpong, frag; pages: page, callsite, bytes,
    /// hit, order, migtype, gfp
    #[arg(short, long, value_name = "KEYS", action = ArgAction::Append)]
    sort: Vec<String>,
    /// Show so many lines of the table asked for last
    #[arg(short, long, value_name = "N", action = ArgAction::Append)]
    line: Vec<usize>,
    /// Addresses instead of the names of call sites
    #[arg(long)]
    raw_ip: bool,
    /// Count, name and print exactly as perf does, also where it is wrong
    #[arg(long)]
    perf_compat: bool,
    #[command(flatten)]
    shape: output::Shape,
}

/// The places of some options on the command line: those that ask for tables, and those about a table.
#[derive(Default)]
struct Places {
    caller: Option<usize>,
    alloc: Option<usize>,
    sort: Vec<usize>,
    line: Vec<usize>,
}

impl clap::FromArgMatches for Places {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |id: &str| matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
        let last = |id: &str| given(id).then(|| matches.indices_of(id)?.next_back()).flatten();
        let all =
            |id: &str| if given(id) { matches.indices_of(id).into_iter().flatten().collect() } else { Vec::new() };
        Ok(Self { caller: last("caller"), alloc: last("alloc"), sort: all("sort"), line: all("line") })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = <Self as clap::FromArgMatches>::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Places {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command
    }
}

impl Places {
    /// Returns whether an option at this place is about the table of call sites. Otherwise, it is about the other
    /// table.
    fn about_callers(&self, place: usize) -> bool {
        let before = |table: Option<usize>| table.filter(|table| *table < place);
        before(self.caller) > before(self.alloc)
    }
}

impl Arguments {
    /// Returns the order and the number of lines of the table of call sites, and those of the other table.
    fn listings<K: std::str::FromStr<Err = analyzer::Error> + Clone>(
        &self,
        default: &[K],
    ) -> anyhow::Result<(Listing<K>, Listing<K>)> {
        let empty = || Listing { sort: Vec::new(), lines: None };
        let (mut callers, mut others) = (empty(), empty());
        for (keys, place) in self.sort.iter().zip(&self.places.sort) {
            let listing = if self.places.about_callers(*place) { &mut callers } else { &mut others };
            listing.sort.extend(keys.split(',').map(str::parse).collect::<Result<Vec<K>, _>>()?);
        }
        for (lines, place) in self.line.iter().zip(&self.places.line) {
            let listing = if self.places.about_callers(*place) { &mut callers } else { &mut others };
            listing.lines = Some(*lines);
        }
        for listing in [&mut callers, &mut others] {
            if listing.sort.is_empty() {
                listing.sort = default.to_vec();
            }
        }
        Ok((callers, others))
    }

    fn wanted(&self) -> kmem::Wanted {
        kmem::Wanted {
            arithmetic: if self.perf_compat { Arithmetic::Perf } else { Arithmetic::Right },
            tables: self.caller || self.alloc,
            live_only: self.live,
        }
    }
}

/// One half of the report, which is about objects or about pages: as perf's text, and as tables.
struct Half {
    text: String,
    tables: Vec<Table>,
    problems: Vec<Problem>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.live && !arguments.page {
        bail!("--live is about pages: add --page");
    }
    let trace = arguments.trace.open()?;
    let mut loss = Loss::read(&trace);
    let names = Names::read(&trace, &mut loss.problems);
    let slab = arguments.slab || !arguments.page;
    let wanted = [slab.then_some(Events::Slab), arguments.page.then_some(Events::Page)];
    let bar = output::Bar::new("reading");
    let (of_objects, of_pages) = batches::both(
        wanted.into_iter().flatten().map(|events| trace.rows_of(events.table())).sum(),
        &|done, of| bar.update(done, of),
        |progress| slab.then(|| objects(arguments, &trace, &names, progress)).transpose(),
        |progress| arguments.page.then(|| pages(arguments, &trace, &names, progress)).transpose(),
    );
    drop(bar);
    let mut halves: Vec<Half> = [of_objects?, of_pages?].into_iter().flatten().collect();
    for half in &mut halves {
        loss.add(std::mem::take(&mut half.problems));
    }
    if arguments.shape.is_json() {
        let all = halves
            .iter()
            .flat_map(|half| &half.tables)
            .map(|table| (table.title.to_lowercase().replace(' ', "_"), table.to_json()));
        return output::json(&all.collect::<serde_json::Map<_, _>>().into());
    }
    if arguments.perf_compat && arguments.shape.is_for_people() {
        return halves.iter().try_for_each(|half| output::write(&half.text));
    }
    for (half, events) in halves.iter_mut().zip(wanted.into_iter().flatten()) {
        if let Some(last) = half.tables.last_mut() {
            last.notes.extend(loss.sentence(events).into_iter().chain(Window::sentence(&trace)));
        }
    }
    halves.iter().flat_map(|half| &half.tables).try_for_each(|table| arguments.shape.write(table))
}

fn objects(arguments: &Arguments, trace: &Trace, names: &Names<'_>, progress: Progress<'_>) -> anyhow::Result<Half> {
    let (objects, problems) = Objects::read(trace, arguments.wanted(), progress)?;
    let (callers, others) = arguments.listings(&ObjectKey::DEFAULT)?;
    let callers = arguments.caller.then(|| objects.callers(&callers));
    let pointers = arguments.alloc.then(|| objects.pointers(&others));
    let text = kmem::perf_objects(&objects, callers.as_ref(), pointers.as_ref(), arguments.raw_ip, names);
    let site = |site: &kmem::Site| {
        if arguments.raw_ip { format!("{:#x}", site.call_site) } else { names.callsite(site.call_site) }
    };
    let tables = [
        callers.map(|rows| Objects::table("Kernel objects by call site", "Call site", &rows, site)),
        pointers.map(|rows| {
            Objects::table("Kernel objects by address", "Object", &rows, |site| format!("{:#x}", site.ptr))
        }),
        Some(objects.summary()),
    ];
    Ok(Half { text, tables: tables.into_iter().flatten().collect(), problems })
}

fn pages(arguments: &Arguments, trace: &Trace, names: &Names<'_>, progress: Progress<'_>) -> anyhow::Result<Half> {
    let (pages, problems) = Pages::read(trace, names, arguments.wanted(), progress)?;
    let (callers, others) = arguments.listings(&PageKey::DEFAULT)?;
    let callers = arguments.caller.then(|| pages.callers(&callers));
    let blocks = arguments.alloc.then(|| pages.blocks(&others));
    let text = kmem::perf_pages(&pages, callers.as_ref(), blocks.as_ref(), names);
    let migratetypes: &[&str] = if arguments.perf_compat { &kmem::PERF_MIGRATETYPES } else { &[] };
    let tables = [
        callers.map(|rows| pages.table("Pages by call site", false, &rows, names)),
        blocks.map(|rows| pages.table("Pages by frame", true, &rows, names)),
        Some(pages.summary()),
        Some(pages.orders(&trace.header, migratetypes)),
    ];
    Ok(Half { text, tables: tables.into_iter().flatten().collect(), problems })
}
