//! The parser of `/proc/vmstat` (`vmstat_show` in mm/vmstat.c), which has one of the kernel's counters of the whole
//! machine in each line, as `NAME VALUE`.

/// Parses the whole file, in the kernel's order. Returns `None` if a line has another layout. (The crate procfs returns
/// a hash map, whose order differs from one run to the next.)
pub fn parse_vmstat(text: &str) -> Option<Vec<(String, i64)>> {
    text.lines()
        .map(|line| line.split_once(' ').and_then(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))))
        .collect()
}
