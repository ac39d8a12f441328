/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// events that are in the trace
    pub events: u64,
    /// events that the tool says it lost
    pub lost: u64,
    /// lines or records that name no event of ours
    pub other: u64,
    /// GFP flags that the chosen kernel does not have: they were given bits that it leaves free
    pub unknown_flags: Vec<String>,
}
