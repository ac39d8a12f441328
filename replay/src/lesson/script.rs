//! What a lesson writes on the board.

use std::fmt::{Display, Write};

use reference::{Config, Cpu, Generation, Gfp, GfpTable, Layout, Mm, PAGE_SIZE, PageAllocator, Pfn, ZoneId};

use super::error::LessonError;
use crate::number::thousands;

/// The CPU all lessons run on, where it does not matter.
pub(super) const CPU: Cpu = Cpu(0);

/// A lesson's text as it grows.
pub(super) struct Script(String);

impl Script {
    pub(super) fn new(title: &str) -> Self {
        Self(format!("{title}\n{}\n", "=".repeat(title.chars().count())))
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// A remark.
    pub(super) fn say(&mut self, text: impl Display) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(self.0, "{text}");
    }

    /// A call and what came of it.
    pub(super) fn call(&mut self, call: impl Display, result: impl Display) {
        let _ = writeln!(self.0, "  {call:<58} → {result}");
    }

    /// Free blocks of a zone by order.
    pub(super) fn free_area(&mut self, mm: &PageAllocator, zone: ZoneId, when: &str) {
        let blocks = mm.free_blocks(zone).map(thousands).join(" ");
        let kind = mm.zone_stats(zone).kind.name();
        let _ = writeln!(self.0, "  free_area[0..=10] of {kind}, {when:<24} {blocks}");
    }

    /// A mask by name, number and bits, lowest first.
    pub(super) fn mask(&mut self, table: &GfpTable, name: &str, mask: u32) {
        let mut bits: Vec<_> = table.bits().filter(|(_, bit)| mask & bit != 0).collect();
        bits.sort_by_key(|(_, bit)| *bit);
        let bits = bits.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | ");
        let _ = writeln!(
            self.0,
            "  {name:<24} {:>9} = {}",
            Gfp(mask).to_string(),
            if bits.is_empty() { "0" } else { &bits }
        );
    }
}

/// A 4.25 GiB x86-64 machine.
pub(super) fn x86_64(generation: Generation) -> Mm {
    Mm::new(Config::new(Layout::x86_64(0x11_0000, 2), generation))
}

/// A 1 GiB x86-32 machine, as in the book.
pub(super) fn x86_32() -> Mm {
    Mm::new(Config::new(Layout::x86_32((1 << 30) / PAGE_SIZE, 2), Generation::Textbook))
}

/// Name of the zone a frame lies in.
pub(super) fn zone_name(mm: &PageAllocator, pfn: Pfn) -> Result<&'static str, LessonError> {
    let zone = mm.zone_of(pfn).ok_or(LessonError::NoZone)?;
    Ok(mm.zone_stats(zone).kind.name())
}

/// A result as one phrase.
pub(super) fn outcome<T: Display, E: Display>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => format!("refused: {error}"),
    }
}
