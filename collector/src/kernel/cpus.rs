//! The CPUs and their NUMA nodes, from the lists in sysfs, such as `0-3,5`.

use std::fs;

/// Returns the number of CPUs, including those that are offline now. The numbers of these CPUs are less than the
/// result. A CPU that is plugged in later may have a greater number.
pub fn present_cpus() -> u32 {
    let present = fs::read_to_string("/sys/devices/system/cpu/present").unwrap_or_default();
    parse(&present).into_iter().max().unwrap_or(0) + 1
}

/// Returns the NUMA node of each possible CPU, by the CPU's number; 0 if the kernel has no nodes (`CONFIG_NUMA=n`).
pub fn cpu_node() -> Vec<u16> {
    let mut nodes = vec![0; aya::util::nr_cpus().unwrap_or(1)];
    for entry in fs::read_dir("/sys/devices/system/node").into_iter().flatten().flatten() {
        let Some(node) = entry.file_name().to_str().and_then(|name| name.strip_prefix("node")?.parse().ok()) else {
            continue;
        };
        for cpu in parse(&fs::read_to_string(entry.path().join("cpulist")).unwrap_or_default()) {
            if let Some(slot) = nodes.get_mut(cpu as usize) {
                *slot = node;
            }
        }
    }
    nodes
}

/// Returns the CPUs of a list of ranges. Parts that are not ranges are ignored.
fn parse(list: &str) -> Vec<u32> {
    let range = |range: &str| {
        let (first, end) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<u32>().ok()?..=end.parse::<u32>().ok()?)
    };
    list.trim().split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges_and_single_cpus() {
        assert_eq!(parse("0-2,5\n"), [0, 1, 2, 5]);
        assert!(parse("\n").is_empty());
    }
}
