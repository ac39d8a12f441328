use trace::GfpTable;

/// The facts about the traced machine that the text does not hold.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The release of the machine's kernel.
    pub kernel: String,
    /// The GFP table of the machine's kernel, which is needed since a text has only the flags' names.
    pub gfp: GfpTable,
    /// The size of a page in bytes.
    pub page_size: u64,
    /// The command line of the import.
    pub command: Vec<String>,
}
