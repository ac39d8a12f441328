//! What is asked for: by whose rules, and which tables.

/// The rules of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arithmetic {
    /// the right ones
    #[default]
    Right,
    /// what `perf kmem stat` prints
    Perf,
}

/// Which rows of a table are shown, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<K> {
    /// sorted by these, greatest first; ties by the row's own key
    pub sort: Vec<K>,
    /// the greatest number of rows; `None` = all
    pub lines: Option<usize>,
}

/// What is to be counted, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// by whose rules
    pub arithmetic: Arithmetic,
    /// the tables by page and by call site
    pub tables: bool,
    /// in them, only what is live at the end
    pub live_only: bool,
}
