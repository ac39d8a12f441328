//! The number of events for which the kernel did not run a program.

use std::fs;

/// Returns how often the kernel did not run the program with this file descriptor because the program was already
/// running on that CPU (`recursion_misses`, since Linux 5.12). The number is 0 once the program is detached.
///
/// aya has no call for this number, but the kernel prints it in the `fdinfo` of the file descriptor.
pub fn recursion_misses(fd: i32) -> u64 {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
    let misses = info.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
    misses.and_then(|misses| misses.trim().parse().ok()).unwrap_or(0)
}
