/// The numbers of events and other lines or records that an import has met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The number of events that are in the trace.
    pub events: u64,
    /// The number of events that the tool reports as lost.
    pub lost: u64,
    /// The number of lines or records without an event that is imported.
    pub other: u64,
    /// The names of GFP flags that the chosen kernel does not have. They got bits that this kernel leaves free.
    pub unknown_flags: Vec<String>,
}
