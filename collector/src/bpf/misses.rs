//! Events that a program never saw.

use std::fs;

/// How often the kernel did not run the program with this file descriptor, because it ran already on that CPU
/// (`recursion_misses`, Linux 5.12); 0 once the program is detached.
///
/// aya has no call for the number, but the kernel prints it with the file descriptor.
pub fn recursion_misses(fd: i32) -> u64 {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
    let misses = info.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
    misses.and_then(|misses| misses.trim().parse().ok()).unwrap_or(0)
}
