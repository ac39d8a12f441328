//! The report: one page that opens offline, and the same numbers as JSON.

use serde_json::{Value, json};
use trace::Trace;

use super::{numbers::Summary, sections};
use crate::{
    Error, Events, Window,
    present::page::{self, Page, Section},
    read::batches::Progress,
    reports::{info::Info, replay::Replay},
    units,
};

/// A report: what the page shows and what its JSON holds.
pub struct Report {
    /// the trace's header, counts and losses
    info: Info,
    /// sentences that say what the trace lacks
    pub warnings: Vec<String>,
    /// the sections, in order
    sections: Vec<Section>,
}

impl Report {
    /// Reads a trace.
    ///
    /// # Errors
    /// If the columns of a table are not what the format says.
    pub fn read(trace: &Trace, progress: Progress<'_>) -> Result<Self, Error> {
        let summary = Summary::read(trace, progress)?;
        let sections = sections::all(trace, &summary);
        let loss = &summary.info.loss;
        let warnings =
            Events::ALL.into_iter().filter(|events| loss.lost(*events) > 0).filter_map(|events| loss.sentence(events));
        let warnings = warnings.chain(Window::sentence(trace));
        let mut warnings: Vec<String> = warnings.map(|warning| warning.trim_start_matches("! ").to_owned()).collect();
        if !loss.problems.is_empty() {
            let problems = units::len(loss.problems.len());
            warnings.push(format!("The trace has {problems} problem(s): see “Integrity and loss”."));
        }
        Ok(Self { warnings, sections, info: summary.info })
    }

    /// Adds what a replay of the trace found.
    #[must_use]
    pub fn with_replay(mut self, replay: &Replay) -> Self {
        // Before the section on what is missing, which ends the page.
        self.sections.insert(self.sections.len().saturating_sub(1), sections::model(replay));
        self
    }

    /// Returns every number of the page; its keys are a contract.
    pub fn to_json(&self) -> Value {
        let section = |section: &Section| {
            let tables: Vec<_> = section
                .tables
                .iter()
                .map(|table| json!({"title": table.title, "notes": table.notes, "rows": table.to_json()}))
                .collect();
            (section.id.to_owned(), json!({"title": section.title, "tables": tables, "charts": section.charts}))
        };
        let sections: serde_json::Map<_, _> = self.sections.iter().map(section).collect();
        json!({"info": self.info.to_json(), "warnings": self.warnings, "sections": sections})
    }

    /// Returns the page: one file, which loads nothing.
    ///
    /// # Errors
    /// [`Error::Chart`] if a chart cannot be drawn.
    pub fn to_html(&self) -> Result<String, Error> {
        page::render(&Page {
            title: format!("Memory allocation on {}", self.info.header.host),
            facts: self.info.facts(),
            warnings: &self.warnings,
            sections: &self.sections,
        })
    }
}
