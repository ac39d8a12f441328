use trace::GfpTable;

/// What is known about the traced machine beside the text.
#[derive(Debug, Clone)]
pub struct Origin {
    /// its kernel release, as far as known
    pub kernel: String,
    /// its GFP table: the text has names only
    pub gfp: GfpTable,
    /// bytes per page
    pub page_size: u64,
    /// the command line that imports
    pub command: Vec<String>,
}
