"""Measures what `collector record` costs per event, family by family, as the kernel itself counts it.

    python3 collector/bench/cost.py BIN_DIR

With kernel.bpf_stats_enabled the kernel counts runs and nanoseconds of every eBPF program. They are read here while a
mixed workload runs, for each family of events, for page events with stacks, and for one frame and object in 100. What
the tracepoint needs to get to the program, and the clock reads of the measurement, are not in it: overhead.py measures
the whole. Needs root.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(sys.argv[1])
STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
CASES = {
    "page": ["--events", "page"],
    "slab": ["--events", "slab"],
    "cache": ["--events", "cache"],
    "frag": ["--events", "frag"],
    "page, stacks sampled": ["--events", "page", "--stacks", "sampled"],
    "page, stacks all": ["--events", "page", "--stacks", "all"],
    "page, one in 100": ["--events", "page", "--sample", "100"],
    "page, another process": ["--events", "page", "--comm", "nobody"],
}


def runs(pid: int) -> tuple[int, int]:
    """Runs and nanoseconds of all programs that the process holds, those of the tasks included: they are few."""
    total = [0, 0]
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        for index, name in enumerate(["run_cnt", "run_time_ns"]):
            total[index] += int(fields.get(name, 0))
    return total[0], total[1]


def measure(arguments: list[str]) -> tuple[int, float]:
    with tempfile.TemporaryDirectory() as tmp:
        command = [BIN / "collector", "record", "--no-frames", "-o", f"{tmp}/trace", *arguments]
        recording = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        # Everything is attached when new privileges are renounced.
        while "NoNewPrivs:\t1" not in pathlib.Path(f"/proc/{recording.pid}/status").read_text():
            time.sleep(0.05)
        subprocess.run(
            [BIN / "examples" / "workload", "mixed", "--seconds", "2"], check=True, stdout=subprocess.DEVNULL
        )
        count, nanoseconds = runs(recording.pid)
        recording.terminate()
        recording.wait()
    return count, nanoseconds / count


before = STATS.read_text()
STATS.write_text("1")
try:
    print(f"{'events recorded':<24}{'runs':>12}{'ns per event':>14}")
    for name, arguments in CASES.items():
        count, cost = measure(arguments)
        print(f"{name:<24}{count:>12,}{cost:>14.0f}")
finally:
    STATS.write_text(before)
