//! Pages: what `perf kmem stat --page` counts.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::DataFrame;
use trace::{Header, Kind, NO_PFN, PageEvent, Problem, Row as _, Trace};

use super::{
    block::{Block, Sum},
    frame_set::FrameSet,
    sort::{PageKey, sort_pages},
    wanted::{Arithmetic, Listing, Wanted},
};
use crate::{
    Error, Names,
    fast_hash::NumberMap,
    present::table::{Cell, Table, Unit},
    read::{
        batches::{self, Progress},
        columns::{u8s, u32s, u32s_if_there, u64s},
    },
};

/// The pages of a trace.
#[derive(Default)]
pub struct Pages {
    arithmetic: Arithmetic,
    /// whether tables show what is live at the end
    pub(super) live_only: bool,
    /// allocation requests, failures included
    pub allocs: Sum,
    /// free requests
    pub frees: Sum,
    /// frees whose page was not known to be allocated
    pub free_only: Sum,
    /// requests that failed
    pub failures: Sum,
    /// successful allocations by order and migratetype; with `live_only`, those that are live
    pub(super) by_order: NumberMap<(u8, u8), i64>,
    /// masks of successful allocations
    pub masks: BTreeSet<u32>,
    live: NumberMap<u64, Block>,
    /// where nobody asks for more, the first frames of what is live
    live_frames: FrameSet,
    by_page: BTreeMap<(u64, u8, u8, u32), Block>,
    by_caller: BTreeMap<(u64, u8, u8, u32), Block>,
}

impl Pages {
    /// Reads the page events.
    ///
    /// # Errors
    /// If the columns are not what the format says.
    pub fn read(
        trace: &Trace,
        names: &Names<'_>,
        wanted: Wanted,
        progress: Progress<'_>,
    ) -> Result<(Self, Vec<Problem>), Error> {
        let mut pages = Self { arithmetic: wanted.arithmetic, live_only: wanted.live_only, ..Self::default() };
        let page_alloc = trace.header.kinds.get(Kind::PageAlloc.name()).copied();
        // A trace of format 1 has no column `stack`, so the columns are not named.
        let columns: Option<&[&str]> =
            if wanted.tables { None } else { Some(&["kind", "pfn", "order", "migratetype"]) };
        let problems = batches::for_each(trace, PageEvent::TABLE, columns, progress, |batch| {
            pages.batch(&batch, trace, names, wanted, page_alloc)
        })?;
        Ok((pages, problems))
    }

    fn batch(
        &mut self,
        batch: &DataFrame,
        trace: &Trace,
        names: &Names<'_>,
        wanted: Wanted,
        page_alloc: Option<u8>,
    ) -> Result<(), Error> {
        let (kind, pfn) = (u8s(batch, "kind")?, u64s(batch, "pfn")?);
        let (order, migratetype) = (u8s(batch, "order")?, u8s(batch, "migratetype")?);
        let gfp = if wanted.tables { u32s(batch, "gfp")? } else { &[] };
        let stack = u32s_if_there(batch, "stack")?;
        let only_whether_live = !wanted.tables && !wanted.live_only;
        for i in 0..batch.height() {
            let bytes = trace.header.page_size << order[i].min(31);
            if Some(kind[i]) != page_alloc {
                self.frees.add(bytes);
                if only_whether_live {
                    if !self.live_frames.remove(pfn[i]) {
                        self.free_only.add(bytes);
                    }
                    continue;
                }
                let known = self.live.remove(&pfn[i]);
                match known {
                    None => self.free_only.add(bytes),
                    Some(block) if self.live_only => self.no_longer_live(&block, order[i], bytes),
                    Some(_) => {}
                }
                continue;
            }
            self.allocs.add(bytes);
            if pfn[i] == NO_PFN {
                self.failures.add(bytes);
                continue;
            }
            *self.by_order.entry((order[i], migratetype[i])).or_default() += 1;
            if only_whether_live {
                self.live_frames.insert(pfn[i]);
                continue;
            }
            let mut block = Block {
                page: pfn[i],
                call_site: 0,
                order: order[i],
                migratetype: migratetype[i],
                gfp: 0,
                hit: 1,
                bytes,
            };
            if wanted.tables {
                block.gfp = gfp[i];
                let stack = stack.map_or(0, |stack| stack[i]);
                block.call_site =
                    if self.arithmetic == Arithmetic::Perf { names.perf_caller(stack) } else { names.caller(stack) };
                self.masks.insert(gfp[i]);
                self.enter(&block);
            }
            self.allocated(block);
        }
        Ok(())
    }

    /// Enters an allocation among what is live.
    fn allocated(&mut self, block: Block) {
        let arithmetic = self.arithmetic;
        self.live
            .entry(block.page)
            .and_modify(|known| match arithmetic {
                Arithmetic::Right => *known = block,
                Arithmetic::Perf => {
                    known.hit += 1;
                    known.bytes += block.bytes;
                    known.call_site = block.call_site;
                }
            })
            .or_insert(block);
    }

    /// Adds an allocation to the tables by page and by call site.
    fn enter(&mut self, block: &Block) {
        let Block { page, call_site, order, migratetype, gfp, .. } = *block;
        // Call sites have no page of their own: by it, they are all equal.
        let tables = [(&mut self.by_page, page, page, !self.live_only), (&mut self.by_caller, call_site, 0, true)];
        for (table, key, page, _) in tables.into_iter().filter(|(.., wanted)| *wanted) {
            let entry =
                table.entry((key, order, migratetype, gfp)).or_insert(Block { page, hit: 0, bytes: 0, ..*block });
            entry.hit += 1;
            entry.bytes += block.bytes;
            entry.call_site = call_site;
        }
    }

    /// Takes what was freed out of the tables again. perf takes order and size of the free.
    fn no_longer_live(&mut self, block: &Block, order: u8, bytes: u64) {
        let (order, bytes) =
            if self.arithmetic == Arithmetic::Perf { (order, bytes) } else { (block.order, block.bytes) };
        *self.by_order.entry((order, block.migratetype)).or_default() -= 1;
        let key = (block.call_site, order, block.migratetype, block.gfp);
        if let Some(caller) = self.by_caller.get_mut(&key) {
            caller.hit -= 1;
            caller.bytes = caller.bytes.wrapping_sub(bytes);
            if caller.hit == 0 {
                self.by_caller.remove(&key);
            }
        }
    }

    /// Returns the allocations that were freed.
    pub fn alloc_and_freed(&self) -> Sum {
        self.frees.minus(self.free_only)
    }

    /// Returns the allocations that were not freed; perf counts failures among them.
    pub fn alloc_only(&self) -> Sum {
        let failures = if self.arithmetic == Arithmetic::Perf { Sum::default() } else { self.failures };
        self.allocs.minus(self.alloc_and_freed()).minus(failures)
    }

    /// Returns what the summary says, line by line.
    pub fn lines(&self) -> [(&'static str, Sum); 6] {
        [
            ("total allocation requests", self.allocs),
            ("total free requests", self.frees),
            ("total alloc+freed requests", self.alloc_and_freed()),
            ("total alloc-only requests", self.alloc_only()),
            ("total free-only requests", self.free_only),
            ("total allocation failures", self.failures),
        ]
    }

    /// Returns the totals as a table.
    pub fn summary(&self) -> Table {
        let mut table = Table::new("Page allocator");
        table.column("what", "What", Unit::Text).column("count", "Requests", Unit::Count).column(
            "bytes",
            "Bytes",
            Unit::Bytes,
        );
        for (what, Sum { count, bytes }) in self.lines() {
            table.row(vec![
                Cell::Text(what.into()),
                Cell::Integer(count.cast_signed()),
                Cell::Integer(bytes.cast_signed()),
            ]);
        }
        let failed = if self.arithmetic == Arithmetic::Perf { ", or failed" } else { "" };
        table.note(format!("alloc-only: not freed within the trace{failed}; a page is known by its first frame"));
        table
    }

    /// Returns allocations by order and migratetype, a column per migratetype; `names` are those of the first ones, if
    /// not the traced kernel's.
    pub fn orders(&self, header: &Header, names: &[&str]) -> Table {
        let mut table = Table::new("Allocations by order and migratetype");
        table.column("order", "Order", Unit::Number);
        let last = self.by_order.keys().map(|(_, migratetype)| *migratetype).max().unwrap_or(0);
        let migratetypes = header.migratetypes.len().max(usize::from(last) + 1) as u8;
        for migratetype in 0..migratetypes {
            let name = names
                .get(usize::from(migratetype))
                .map_or_else(|| header.migratetype_name(migratetype), |name| (*name).to_owned());
            table.column(name.to_lowercase(), name, Unit::Count);
        }
        for order in 0..header.nr_orders {
            let counts = (0..migratetypes)
                .map(|migratetype| Cell::Integer(self.by_order.get(&(order, migratetype)).copied().unwrap_or(0)));
            table.row(std::iter::once(Cell::Integer(i64::from(order))).chain(counts).collect());
        }
        table
    }

    /// Returns the call sites, sorted, and whether lines were left out.
    pub fn callers(&self, listing: &Listing<PageKey>) -> (Vec<Block>, bool) {
        cut(self.by_caller.values().copied().collect(), listing)
    }

    /// Returns the pages, sorted, and whether lines were left out.
    pub fn blocks(&self, listing: &Listing<PageKey>) -> (Vec<Block>, bool) {
        if !self.live_only {
            return cut(self.by_page.values().copied().collect(), listing);
        }
        // perf keeps its tree of live pages the other way round.
        let mut blocks: Vec<Block> = self.live.values().copied().collect();
        blocks.sort_by_key(|block| std::cmp::Reverse(block.page));
        cut(blocks, listing)
    }

    /// Returns pages or their call sites as a table.
    pub fn table(&self, title: &str, by_page: bool, (blocks, cut): &(Vec<Block>, bool), names: &Names<'_>) -> Table {
        let mut table = Table::new(title);
        if by_page {
            table.column("pfn", "PFN", Unit::Number);
        }
        table.column("bytes", if self.live_only { "Live alloc" } else { "Total alloc" }, Unit::Bytes).column(
            "hits",
            "Hits",
            Unit::Count,
        );
        table.column("order", "Order", Unit::Number).column("migratetype", "Migratetype", Unit::Text);
        table.column("gfp", "GFP flags", Unit::Text).column("callsite", "Call site", Unit::Text);
        for block in blocks {
            let page = by_page.then(|| Cell::Integer(block.page.cast_signed()));
            let rest = [
                Cell::Integer(block.bytes.cast_signed()),
                Cell::Integer(block.hit.cast_signed()),
                Cell::Integer(i64::from(block.order)),
                Cell::Text(names.header.migratetype_name(block.migratetype)),
                Cell::Text(names.header.gfp.decode(block.gfp)),
                Cell::Text(if block.call_site == 0 { "unknown".to_owned() } else { names.callsite(block.call_site) }),
            ];
            table.row(page.into_iter().chain(rest).collect());
        }
        if *cut {
            table.note("there are more rows than were asked for with --line");
        }
        table
    }
}

/// Sorts a table and cuts it to the lines that are wanted; whether lines were left out.
fn cut(mut blocks: Vec<Block>, listing: &Listing<PageKey>) -> (Vec<Block>, bool) {
    sort_pages(&mut blocks, &listing.sort);
    let lines = listing.lines.unwrap_or(usize::MAX);
    let more = blocks.len() > lines;
    blocks.truncate(lines);
    (blocks, more)
}
