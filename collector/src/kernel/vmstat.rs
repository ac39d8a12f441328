//! `/proc/vmstat` (`vmstat_show` in mm/vmstat.c): the kernel's counters of the whole machine, `NAME VALUE` in each
//! line.

/// Parses the whole file, in the kernel's order; `None` if a line looks different. (procfs would give a hash map, whose
/// order differs from one run to the next.)
pub fn parse_vmstat(text: &str) -> Option<Vec<(String, i64)>> {
    text.lines()
        .map(|line| line.split_once(' ').and_then(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))))
        .collect()
}
