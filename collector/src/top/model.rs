//! What is shown, and why: two samples become rates; views, sorting, filters and the selected row are kept here. No
//! terminal, no kernel.

use std::{collections::VecDeque, time::Duration};

use super::{
    key::Key,
    view::{Focus, Sort, View},
};
use crate::{
    kernel::BuddyInfo,
    stat::{Column, Counts, Family, KeyNames, NO_VALUE, Row, Sample, rows, total},
};

/// Rates of allocation that are kept for the curve.
const HISTORY: usize = 240;

/// Everything that is shown.
pub struct Model {
    interval: Duration,
    first: Sample,
    last: Sample,
    /// what was counted in the last interval
    recent: Sample,
    free: Vec<BuddyInfo>,
    history: VecDeque<u64>,
    view: View,
    family: Family,
    sort: Sort,
    reversed: bool,
    filter: String,
    typing: Option<String>,
    focus: Vec<Focus>,
    paused: bool,
    help: bool,
    selected: usize,
    rows: Vec<Row>,
}

impl Model {
    /// Nothing is counted yet.
    pub fn new(first: Sample, interval: Duration) -> Self {
        Self {
            interval,
            last: first.clone(),
            first,
            recent: Sample::default(),
            free: Vec::new(),
            history: VecDeque::new(),
            view: View(Column::Gfp),
            family: Family::Pages,
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

    /// Takes a look: the rates are those since the look before.
    pub fn update(&mut self, sample: Sample, free: Vec<BuddyInfo>, names: &KeyNames) {
        self.recent = sample.since(&self.last);
        self.last = sample;
        self.free = free;
        let allocs = self.per_second(self.total(Family::Pages, names).allocs);
        self.history.push_front(allocs.round() as u64);
        self.history.truncate(HISTORY);
        self.arrange(names);
    }

    /// Makes the rows anew, after anything that they depend on has changed.
    pub(super) fn arrange(&mut self, names: &KeyNames) {
        let in_focus = |family: Family| {
            let mut recent = self.recent.clone();
            let focus = self.focus.iter().filter(|focus| family.has(focus.column));
            for Focus { column, value } in focus {
                recent.tallies.retain(|key, _| names.text(*column, key) == *value);
            }
            recent
        };
        let wanted = self.filter.to_lowercase();
        let mut rows = rows(&in_focus(self.family), self.family, &[self.view.0], names);
        // Frees do not tell what was asked for: they would be one nameless row.
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
            // Orders are numbers, and names that differ in a number are to be read in its order.
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

    /// A count of the last interval as a rate.
    pub fn per_second(&self, count: u64) -> f64 {
        if self.recent.time == 0 { 0.0 } else { count as f64 * 1e9 / self.recent.time as f64 }
    }

    /// What all events of a family were in the last interval.
    pub fn total(&self, family: Family, names: &KeyNames) -> Counts {
        total(&self.recent, family, names.header().page_size)
    }

    /// The rows, in their order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Index of the selected row.
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// What was counted in the last interval.
    pub fn recent(&self) -> &Sample {
        &self.recent
    }

    /// What was counted since the start.
    pub fn all(&self) -> Sample {
        self.last.since(&self.first)
    }

    /// Free blocks by zone and order.
    pub fn free(&self) -> &[BuddyInfo] {
        &self.free
    }

    /// Allocations of pages per second, the latest first.
    pub fn history(&self) -> &VecDeque<u64> {
        &self.history
    }

    /// Time between looks.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The table that is shown.
    pub fn view(&self) -> View {
        self.view
    }

    /// Whether it is of pages or of objects.
    pub fn family(&self) -> Family {
        self.family
    }

    /// By what it is sorted, and whether the other way round.
    pub fn sort(&self) -> (Sort, bool) {
        (self.sort, self.reversed)
    }

    /// What names of rows have to contain.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The filter while it is typed.
    pub fn typing(&self) -> Option<&str> {
        self.typing.as_deref()
    }

    /// To what the table was narrowed.
    pub fn focus(&self) -> &[Focus] {
        &self.focus
    }

    /// Whether it stands still.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether the keys are explained.
    pub fn shows_help(&self) -> bool {
        self.help
    }

    pub(super) fn toggle_pause(&mut self) {
        self.paused = !self.paused;
    }

    pub(super) fn toggle_help(&mut self) {
        self.help = !self.help;
    }

    pub(super) fn next_sort(&mut self) {
        let at = Sort::ALL.iter().position(|sort| *sort == self.sort).unwrap_or(0);
        (self.sort, self.reversed) = (Sort::ALL[(at + 1) % Sort::ALL.len()], false);
    }

    pub(super) fn reverse_sort(&mut self) {
        self.reversed = !self.reversed;
    }

    /// Shows a table; of pages or objects as before, if it has both.
    pub(super) fn show(&mut self, view: View) {
        self.view = view;
        if !self.family.has(view.0) {
            self.family = if self.family == Family::Pages { Family::Objects } else { Family::Pages };
        }
        (self.selected, self.filter) = (0, String::new());
    }

    pub(super) fn switch_family(&mut self) {
        let other = if self.family == Family::Pages { Family::Objects } else { Family::Pages };
        if other.has(self.view.0) {
            (self.family, self.selected) = (other, 0);
        }
    }

    pub(super) fn select(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
    }

    /// Only what has the selected row's value, from now on and in all tables: the way to the next question.
    pub(super) fn narrow(&mut self) {
        let Some(row) = self.rows.get(self.selected) else { return };
        let focus = Focus { column: self.view.0, value: row.values[0].clone() };
        self.focus.retain(|old| old.column != focus.column);
        self.focus.push(focus);
        let next = if self.view.0 == Column::Comm { Column::Gfp } else { Column::Comm };
        self.show(View(next));
    }

    pub(super) fn widen(&mut self) {
        self.focus.pop();
    }

    pub(super) fn widen_all(&mut self) {
        self.focus.clear();
        self.filter.clear();
    }

    /// The filter holds while it is typed; Escape brings back the one before.
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
