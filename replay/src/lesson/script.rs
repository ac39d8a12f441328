//! The text of a lesson, and the machines that lessons use.

use std::fmt::{Display, Write};

use reference::{Config, Cpu, Generation, Gfp, GfpTable, Layout, Mm, PAGE_SIZE, PageAllocator, Pfn, ZoneId};

use super::error::LessonError;
use crate::number::thousands;

/// The CPU that lessons run on if it does not matter.
pub(super) const CPU: Cpu = Cpu(0);

/// The text of a lesson.
pub(super) struct Script(String);

impl Script {
    pub(super) fn new(title: &str) -> Self {
        Self(format!("{title}\n{}\n", "=".repeat(title.chars().count())))
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// Writes a remark.
    pub(super) fn say(&mut self, text: impl Display) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(self.0, "{text}");
    }

    /// Writes a call and its result.
    pub(super) fn call(&mut self, call: impl Display, result: impl Display) {
        let _ = writeln!(self.0, "  {call:<58} → {result}");
    }

    /// Writes the free blocks of a zone by order.
    pub(super) fn free_area(&mut self, mm: &PageAllocator, zone: ZoneId, when: &str) {
        let blocks = mm.free_blocks(zone).map(thousands).join(" ");
        let kind = mm.zone_stats(zone).kind.name();
        let _ = writeln!(self.0, "  free_area[0..=10] of {kind}, {when:<24} {blocks}");
    }

    /// Writes a mask with its name, its number and its bits, lowest first.
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

/// Returns an x86-64 machine with 4.25 GiB.
pub(super) fn x86_64(generation: Generation) -> Mm {
    Mm::new(Config::new(Layout::x86_64(0x11_0000, 2), generation))
}

/// Returns an x86-32 machine with 1 GiB, as in the book.
pub(super) fn x86_32() -> Mm {
    Mm::new(Config::new(Layout::x86_32((1 << 30) / PAGE_SIZE, 2), Generation::Textbook))
}

/// Returns the name of the zone that a frame lies in.
pub(super) fn zone_name(mm: &PageAllocator, pfn: Pfn) -> Result<&'static str, LessonError> {
    let zone = mm.zone_of(pfn).ok_or(LessonError::NoZone)?;
    Ok(mm.zone_stats(zone).kind.name())
}

/// Returns a result as one phrase.
pub(super) fn outcome<T: Display, E: Display>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => format!("refused: {error}"),
    }
}
