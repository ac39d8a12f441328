//! CPUs and their nodes, as sysfs lists them: `0-3,5`.

use std::fs;

/// How many CPUs there are, those that are offline now included. Their numbers are less than this; that of a CPU which
/// is plugged in later may not be.
pub fn present_cpus() -> u32 {
    let present = fs::read_to_string("/sys/devices/system/cpu/present").unwrap_or_default();
    parse(&present).into_iter().max().unwrap_or(0) + 1
}

/// The NUMA node of each possible CPU, by the CPU's number; 0 where the kernel has no nodes (`CONFIG_NUMA=n`).
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

/// The CPUs of a list of ranges; what is no range is left out.
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
