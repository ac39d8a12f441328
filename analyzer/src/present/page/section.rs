use crate::present::{charts::Chart, table::Table};

/// A part of a page.
pub struct Section {
    /// its name in JSON and in links
    pub id: &'static str,
    /// its heading
    pub title: &'static str,
    /// what it is about
    pub intro: String,
    /// its charts; none is empty
    pub charts: Vec<Chart>,
    /// its tables
    pub tables: Vec<Table>,
}
