"""How fast the analyzer reads a trace, beside perf and DuckDB on the same events, and how much memory it needs.

    bench_analyzer.py BIN_DIR [ROUNDS]

Events are recorded with perf, imported, and summed up by both; and a long synthetic trace (SYNTHETIC_EVENTS of the environment, 20 million unless it
says otherwise) is analysed by the analyzer and grouped by DuckDB. Each round runs all of them in turn; the least wall time of the rounds counts.
The analyzer and perf are whole processes, from start to exit. DuckDB runs in this process, warm, with as many threads as there are CPUs, and reads the
trace's Arrow files through a pyarrow dataset, in each query anew. Needs root, to record.
"""

import glob
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import duckdb
import pyarrow.dataset

programs, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
analyzer = f"{programs}/analyzer"
synthetic_events = int(os.environ.get("SYNTHETIC_EVENTS", "20_000_000"))
environment = os.environ | {"LC_ALL": "C"}
# What `perf kmem stat` reads; anything else would only cost it time.
KMEM = ["kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free", "mm_page_alloc", "mm_page_free"]
GROUPS = ["zone,order", "gfp", "migratetype,order"]
GIB = 1 << 30


def run(*command):
    """Seconds of wall time and of CPU time, and bytes of memory at the peak."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    if status != 0:
        sys.exit(f"bench: {' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def query(trace, keys):
    """The same for DuckDB: events and bytes by these keys, allocated and freed; frees are not matched with what they free."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    page = pyarrow.dataset.dataset(sorted(glob.glob(f"{trace}/page-*.arrow")), format="ipc")
    keys = ", ".join(f'"{key}"' for key in keys.split(","))
    size = 'sum(4096::BIGINT << "order")'
    sql = f"SELECT kind, {keys}, count(*), {size} FROM page GROUP BY ALL"
    duckdb.sql(sql).fetchall()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 0


def interleaved(contenders):
    """The best round of each; the peak of memory is that of all rounds."""
    best = {}
    for _ in range(rounds):
        for name, measure in contenders.items():
            wall, cpu, memory = measure()
            known = best.get(name, (wall, cpu, memory))
            best[name] = (*min(known[:2], (wall, cpu)), max(known[2], memory))
    return best


def show(best, events, other):
    """Events per second of each; and how many times as many they are as those of the other one."""
    print(f"{'':34} {'wall s':>8} {'CPU s':>8} {'M events/s':>11} {'memory':>10}")
    for name, (wall, cpu, memory) in best.items():
        reference = other(name)
        ratio = f"{best[reference][0] / wall:8.1f} times {reference}" if reference in best else ""
        memory = f"{memory / GIB:6.2f} GiB" if memory else ""
        print(f"{name:34} {wall:8.3f} {cpu:8.3f} {events / wall / 1e6:11.1f} {memory:>10} {ratio}".rstrip())


with tempfile.TemporaryDirectory(dir="target") as scratch:
    data, trace, html = f"{scratch}/perf.data", f"{scratch}/trace", f"{scratch}/report.html"
    events = [option for name in KMEM for option in ("-e", f"kmem:{name}")]
    workload = [f"{programs}/examples/workload", "mixed", "--seconds", "5"]
    run("perf", "record", "-q", "-a", "-R", "-c", "1", "-m", "16M", *events, "-o", data, "--", *workload)
    importing, _, _ = run(analyzer, "import", data, "-o", trace)
    perf, ours = ["perf", "kmem", "-i", data, "--page", "--slab", "stat"], [analyzer, "kmem", trace, "--page", "--slab", "--perf-compat"]
    if output(*perf) != output(*ours):
        sys.exit("bench: `analyzer kmem --perf-compat` and `perf kmem stat` do not print the same")
    counted = sum(json.loads(output(analyzer, "info", trace, "--json"))["events"].values())
    best = interleaved(
        {
            "perf kmem stat": lambda: run(*perf),
            "analyzer kmem --perf-compat": lambda: run(*ours),
            "analyzer report": lambda: run(analyzer, "report", trace, "-o", html),
            "analyzer stat --by zone,order": lambda: run(analyzer, "stat", trace, "--by", "zone,order"),
        }
    )
    print(f"{counted:,} events recorded by perf, and read by each; least of {rounds} rounds on {os.cpu_count()} CPUs")
    show(best, counted, lambda name: "perf kmem stat" if "kmem --perf" in name else "")
    print(f"perf and the analyzer print the same, to the letter; importing perf.data, once, took {importing:.2f} s more")

with tempfile.TemporaryDirectory(dir="target") as scratch:
    trace, html = f"{scratch}/trace", f"{scratch}/report.html"
    run(f"{programs}/examples/synthetic", trace, str(synthetic_events))
    duckdb.sql(f"SET threads = {os.cpu_count()}")
    contenders = {
        "analyzer report": lambda: run(analyzer, "report", trace, "-o", html),
        "analyzer kmem --page": lambda: run(analyzer, "kmem", trace, "--page"),
    }
    for by in GROUPS:
        contenders[f"DuckDB, by {by}"] = lambda by=by: query(trace, by)
        contenders[f"analyzer stat --by {by}"] = lambda by=by: run(analyzer, "stat", trace, "--by", by)
    best = interleaved(contenders)
    print(f"\n{synthetic_events:,} synthetic page events; least of {rounds} rounds")
    show(best, synthetic_events, lambda name: name.replace("analyzer stat --by", "DuckDB, by") if "stat" in name else "")
    print("DuckDB only counts; the analyzer also matches every free with its allocation and follows what is live, and its peak")
    peak = max(memory for _, _, memory in best.values())
    print(f"memory at its peak: {peak / GIB:.2f} GiB; it shall stay below 4 GiB for 200 million events (SYNTHETIC_EVENTS=200000000)")
