//! The state of the live view: the last samples and their difference, and the table that is shown with its sorting,
//! filters and selected row. The state depends neither on a terminal nor on a kernel.

use std::{collections::VecDeque, time::Duration};

use super::{
    key::Key,
    view::{Focus, Sort, View},
};
use crate::{
    kernel::BuddyInfo,
    stat::{Allocator, Column, Counts, KeyNames, NO_VALUE, Row, Sample, rows, total},
};

/// The number of allocation rates that are kept for the curve.
const HISTORY: usize = 240;

/// The state of the live view.
pub struct Model {
    /// The time between two samples.
    interval: Duration,
    first: Sample,
    last: Sample,
    /// The counts of the last interval.
    recent: Sample,
    /// The free blocks of each zone.
    free: Vec<BuddyInfo>,
    /// The allocations of pages per second, the latest first.
    history: VecDeque<u64>,
    view: View,
    allocator: Allocator,
    sort: Sort,
    reversed: bool,
    /// The text that the names of rows have to contain, in lower or upper case.
    filter: String,
    /// The filter that Escape restores, while a filter is typed.
    typing: Option<String>,
    focus: Vec<Focus>,
    paused: bool,
    help: bool,
    selected: usize,
    rows: Vec<Row>,
}

impl Model {
    /// Returns the view of a counter that has just started, with the counter's first sample.
    pub fn new(first: Sample, interval: Duration) -> Self {
        Self {
            interval,
            last: first.clone(),
            first,
            recent: Sample::default(),
            free: Vec::new(),
            history: VecDeque::new(),
            view: View(Column::Gfp),
            allocator: Allocator::Page,
            sort: Sort::Allocs,
            reversed: false,
            filter: String::new(),
            typing: None,
            focus: Vec::new(),
            paused: false,
            help: false,
            selected: 0,
            rows: Vec::new(),
        }
    }

    /// Sets the sample and the free blocks that are shown. The rates are those since the previous sample.
    pub fn update(&mut self, sample: Sample, free: Vec<BuddyInfo>, names: &KeyNames) {
        self.recent = sample.since(&self.last);
        self.last = sample;
        self.free = free;
        let allocs = self.per_second(self.total(Allocator::Page, names).allocs);
        self.history.push_front(allocs.round() as u64);
        self.history.truncate(HISTORY);
        self.arrange(names);
    }

    /// Computes the rows again, after something on which they depend has changed.
    pub(super) fn arrange(&mut self, names: &KeyNames) {
        let in_focus = |allocator: Allocator| {
            let mut recent = self.recent.clone();
            let focus = self.focus.iter().filter(|focus| allocator.has(focus.column));
            for Focus { column, value } in focus {
                recent.tallies.retain(|key, _| names.text(*column, key) == *value);
            }
            recent
        };
        let wanted = self.filter.to_lowercase();
        let mut rows = rows(&in_focus(self.allocator), self.allocator, &[self.view.0], names);
        // Frees have no value in a column of requests, and would be one row without a name.
        let nameless = |row: &Row| row.values[0] == NO_VALUE && row.counts.allocs == 0;
        rows.retain(|row| row.values[0].to_lowercase().contains(&wanted) && !nameless(row));
        let number = |counts: &Counts| match self.sort {
            Sort::Allocs => counts.allocs,
            Sort::Frees => counts.frees,
            Sort::Bytes => counts.alloc_bytes,
            Sort::Failed => counts.failures,
            Sort::Name => 0,
        };
        match self.sort {
            // Orders are numbers, and are sorted as numbers.
            Sort::Name => rows.sort_by_cached_key(|row| {
                (row.values[0].parse::<u64>().unwrap_or(u64::MAX), row.values[0].to_lowercase())
            }),
            _ => rows.sort_by_key(|row| std::cmp::Reverse(number(&row.counts))),
        }
        if self.reversed {
            rows.reverse();
        }
        self.selected = self.selected.min(rows.len().saturating_sub(1));
        self.rows = rows;
    }

    /// Returns a count of the last interval as a rate per second.
    pub fn per_second(&self, count: u64) -> f64 {
        if self.recent.time == 0 { 0.0 } else { count as f64 * 1e9 / self.recent.time as f64 }
    }

    /// Returns the counts of all events of an allocator in the last interval.
    pub fn total(&self, allocator: Allocator, names: &KeyNames) -> Counts {
        total(&self.recent, allocator, names.header().page_size)
    }

    /// Returns the rows of the table that is shown, in their order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the index of the selected row.
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// Returns the counts of the last interval.
    pub(super) fn recent(&self) -> &Sample {
        &self.recent
    }

    /// Returns the counts since the start.
    pub fn all(&self) -> Sample {
        self.last.since(&self.first)
    }

    /// Returns the free blocks of each zone.
    pub(super) fn free(&self) -> &[BuddyInfo] {
        &self.free
    }

    /// Returns the allocations of pages per second, the latest first.
    pub(super) fn history(&self) -> &VecDeque<u64> {
        &self.history
    }

    /// Returns the time between two samples.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns the table that is shown.
    pub fn view(&self) -> View {
        self.view
    }

    /// Returns the allocator whose table is shown.
    pub fn allocator(&self) -> Allocator {
        self.allocator
    }

    /// Returns the column by which the rows are sorted, and whether the order is reversed.
    pub fn sort(&self) -> (Sort, bool) {
        (self.sort, self.reversed)
    }

    /// Returns the text that the names of rows have to contain; empty if there is no filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Returns the filter that Escape restores, while a filter is typed.
    pub fn typing(&self) -> Option<&str> {
        self.typing.as_deref()
    }

    /// Returns the values to which the tables are narrowed.
    pub(super) fn focus(&self) -> &[Focus] {
        &self.focus
    }

    /// Returns whether the view is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Returns whether the help window is shown.
    pub(super) fn shows_help(&self) -> bool {
        self.help
    }

    /// Pauses the view, or lets it go on.
    pub(super) fn toggle_pause(&mut self) {
        self.paused = !self.paused;
    }

    /// Shows or hides the help window.
    pub(super) fn toggle_help(&mut self) {
        self.help = !self.help;
    }

    /// Sorts by the next column. Numbers start with the greatest, names with A.
    pub(super) fn next_sort(&mut self) {
        let at = Sort::ALL.iter().position(|sort| *sort == self.sort).unwrap_or(0);
        (self.sort, self.reversed) = (Sort::ALL[(at + 1) % Sort::ALL.len()], false);
    }

    /// Reverses the order of the rows.
    pub(super) fn reverse_sort(&mut self) {
        self.reversed = !self.reversed;
    }

    /// Shows a table, of the same allocator as before if that allocator has the table.
    pub(super) fn show(&mut self, view: View) {
        self.view = view;
        if !self.allocator.has(view.0) {
            self.allocator = if self.allocator == Allocator::Page { Allocator::Slab } else { Allocator::Page };
        }
        (self.selected, self.filter) = (0, String::new());
    }

    /// Shows the table of the other allocator, if that allocator has the table.
    pub(super) fn switch_allocator(&mut self) {
        let other = if self.allocator == Allocator::Page { Allocator::Slab } else { Allocator::Page };
        if other.has(self.view.0) {
            (self.allocator, self.selected) = (other, 0);
        }
    }

    /// Moves the selection by a number of rows, but not beyond the first and the last row.
    pub(super) fn select(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
    }

    /// Narrows all tables to the selected row's value, and shows the table that most likely answers the next question.
    pub(super) fn narrow(&mut self) {
        let Some(row) = self.rows.get(self.selected) else { return };
        let focus = Focus { column: self.view.0, value: row.values[0].clone() };
        self.focus.retain(|old| old.column != focus.column);
        self.focus.push(focus);
        let next = if self.view.0 == Column::Comm { Column::Gfp } else { Column::Comm };
        self.show(View(next));
    }

    /// Undoes the last narrowing.
    pub(super) fn widen(&mut self) {
        self.focus.pop();
    }

    /// Undoes all narrowing, and removes the filter.
    pub(super) fn widen_all(&mut self) {
        self.focus.clear();
        self.filter.clear();
    }

    /// Starts the typing of the filter, or applies a key to the filter. The filter is applied while it is typed.
    pub(super) fn edit_filter(&mut self, key: Key) {
        let Some(before) = &self.typing else {
            self.typing = Some(self.filter.clone());
            return;
        };
        match key {
            Key::Enter => self.typing = None,
            Key::Escape => (self.filter, self.typing) = (before.clone(), None),
            Key::Backspace => {
                self.filter.pop();
            }
            Key::Char(char) if self.filter.chars().count() < 64 => self.filter.push(char),
            _ => {}
        }
    }
}
