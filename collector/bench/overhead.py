"""Measures what tracing costs the traced program: ns added per page event by perf, bpftrace and the collector.

    python3 collector/bench/overhead.py BIN_DIR [ROUNDS]

The program touches pages and gives them back: per page one mm_page_alloc and one mm_page_free. Each round runs it bare
and under each tracer in turn, so that all of them see the same weather. The least of the rounds is what it costs when
nothing else disturbs; the median of the differences within a round is what it costs as a rule.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

PAGES = 100_000
programs, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7
workload = [
    f"{programs}/workload" if os.path.exists(f"{programs}/workload") else f"{programs}/examples/workload",
    "faults",
    "--pages",
    str(PAGES),
]


def tracers(scratch):
    """Name and command line of each: the workload's line of JSON comes out of all of them."""
    count = "tracepoint:kmem:mm_page_alloc { @a = count(); } tracepoint:kmem:mm_page_free { @f = count(); }"
    events = ["-e", "kmem:mm_page_alloc", "-e", "kmem:mm_page_free"]
    return {
        "bare": workload,
        "perf record": [
            "perf",
            "record",
            "--quiet",
            "-a",
            "-R",
            "-c",
            "1",
            "-m",
            "4096",
            "-o",
            f"{scratch}/perf.data",
            *events,
            "--",
            *workload,
        ],
        "bpftrace count": ["bpftrace", "-e", count, "-c", " ".join(workload)],
        # What each frame is used for is read once, at the start, beside the recording: no cost of an event, but as
        # long as this workload.
        "collector record": [
            f"{programs}/collector",
            "record",
            "--no-frames",
            "--events",
            "page",
            "-o",
            f"{scratch}/trace",
            "--",
            *workload,
        ],
        "collector stat": [f"{programs}/collector", "stat", "--events", "page", "--", *workload],
        "… --by order,zone": [
            f"{programs}/collector",
            "stat",
            "--events",
            "page",
            "--by",
            "order,zone",
            "--",
            *workload,
        ],
        "… --by gfp": [f"{programs}/collector", "stat", "--events", "page", "--by", "gfp", "--", *workload],
        "… --by gfp,comm": [f"{programs}/collector", "stat", "--events", "page", "--by", "gfp,comm", "--", *workload],
    }


def run(command):
    """Nanoseconds per page that the workload measured, and what the tracer said of losses."""
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        sys.exit(f"overhead: {' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    lost = [line for line in done.stderr.splitlines() if "lost" in line.lower() or "dropped" in line]
    return json.loads(lines[0])["ns"] / PAGES, lost


each, losses = {}, {}
missing = {name: command[0] for name, command in tracers("").items() if not shutil.which(command[0])}
for _ in range(rounds):
    with tempfile.TemporaryDirectory() as scratch:
        for name, command in tracers(scratch).items():
            if name in missing:
                continue
            ns, lost = run(command)
            each.setdefault(name, []).append(ns)
            losses.setdefault(name, lost[:1])

bare = each["bare"]
least = {name: (min(ns) - min(bare)) / 2 for name, ns in each.items()}
median = {
    name: statistics.median((traced - untraced) / 2 for traced, untraced in zip(ns, bare)) for name, ns in each.items()
}
print(
    f"{PAGES} pages touched and given back, {rounds} rounds; "
    f"bare: {min(bare):.0f} ns per page at least, {statistics.median(bare):.0f} at the median"
)
print(f"{'added ns per event':18} {'least':>8} {'of perf':>9} {'median':>8} {'of perf':>9}")
for name in each:
    if name != "bare":
        of_perf = [added[name] / added["perf record"] for added in (least, median)]
        row = f"{name:18} {least[name]:8.0f} {of_perf[0]:8.2f}x {median[name]:8.0f} {of_perf[1]:8.2f}x"
        print(f"{row}  {' '.join(losses[name])}".rstrip())
for name, program in missing.items():
    print(f"{name:18} not measured: {program} is not installed")
