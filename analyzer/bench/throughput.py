"""Measures how fast the analyzer reads a trace, beside perf and DuckDB on the same events, and its memory.

    python3 analyzer/bench/throughput.py BIN_DIR [ROUNDS]

Events are recorded with perf, imported, and summed up by both; and a long synthetic trace (SYNTHETIC_EVENTS of the
environment, 20 million unless it says otherwise) is analysed by the analyzer and grouped by DuckDB. Each round runs all
of them in turn; the least wall time of the rounds counts. The analyzer and perf are whole processes, from start to
exit. DuckDB stays in a warm process, with as many threads as there are CPUs, and reads the trace's Arrow files through
a pyarrow dataset, in each query anew. Needs root, to record.
"""

import glob
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time

programs, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
analyzer = f"{programs}/analyzer"
synthetic_events = int(os.environ.get("SYNTHETIC_EVENTS", "20_000_000"))
environment = os.environ | {"LC_ALL": "C"}
# What `perf kmem stat` reads; anything else would only cost it time.
KMEM = ["kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free", "mm_page_alloc", "mm_page_free"]
GIB = 1 << 30


def run(*command):
    """Seconds of wall time and of CPU time, and bytes of memory at the peak."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    if status != 0:
        sys.exit(f"throughput: {' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def query(trace, sql):
    """Returns what `run` returns, for a query of DuckDB's.

    It runs in a process of its own: what starts others must stay small, for their peak of memory begins with its own.
    """
    import duckdb
    import pyarrow.dataset

    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    duckdb.sql(f"SET threads = {os.cpu_count()}")
    page = pyarrow.dataset.dataset(sorted(glob.glob(f"{trace}/page-*.arrow")), format="ipc")
    duckdb.sql(sql).fetchall()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 0


def counting(by):
    """Events and bytes by these keys, allocated and freed. Frees are not matched with what they free."""
    keys = ", ".join(f'"{key}"' for key in by.split(","))
    return f'SELECT kind, {keys}, count(*), sum(4096::BIGINT << "order") FROM page GROUP BY ALL'


# What is freed belongs to the mask of its allocation: the event before at the same frame. Blocks freed in parts are not
# followed.
MATCHING = """
    WITH matched AS (SELECT kind, "order", gfp, lag(gfp) OVER (PARTITION BY pfn ORDER BY time) AS allocated FROM page)
    SELECT kind, CASE kind WHEN 1 THEN gfp ELSE allocated END AS mask, count(*), sum(4096::BIGINT << "order")
    FROM matched GROUP BY ALL
"""


def interleaved(contenders):
    """The best round of each; the peak of memory is that of all rounds."""
    best = {}
    for _ in range(rounds):
        for name, measure in contenders.items():
            wall, cpu, memory = measure()
            known = best.get(name, (wall, cpu, memory))
            best[name] = (*min(known[:2], (wall, cpu)), max(known[2], memory))
    return best


def show(best, events, ratios):
    """Events per second of each; and of some, how many times as many they are as those of another."""
    print(f"{'':36} {'wall s':>8} {'CPU s':>8} {'M events/s':>11} {'memory':>10}")
    for name, (wall, cpu, memory) in best.items():
        other = ratios.get(name)
        ratio = f"  {best[other][0] / wall:.2f} times {other}" if other else ""
        memory = f"{memory / GIB:6.2f} GiB" if memory else ""
        print(f"{name:36} {wall:8.3f} {cpu:8.3f} {events / wall / 1e6:11.1f} {memory:>10}{ratio}".rstrip())


def recorded(scratch):
    data, trace, html = f"{scratch}/perf.data", f"{scratch}/trace", f"{scratch}/report.html"
    events = [option for name in KMEM for option in ("-e", f"kmem:{name}")]
    workload = [f"{programs}/examples/workload", "mixed", "--seconds", "5"]
    run("perf", "record", "-q", "-a", "-R", "-c", "1", "-m", "16M", *events, "-o", data, "--", *workload)
    importing, _, _ = run(analyzer, "import", data, "-o", trace)
    perf, ours = (
        ["perf", "kmem", "-i", data, "--page", "--slab", "stat"],
        [analyzer, "kmem", trace, "--page", "--slab", "--perf-compat"],
    )
    if output(*perf) != output(*ours):
        sys.exit("throughput: `analyzer kmem --perf-compat` and `perf kmem stat` do not print the same")
    counted = sum(json.loads(output(analyzer, "info", trace, "--json"))["events"].values())
    contenders = {
        "perf kmem stat": lambda: run(*perf),
        "analyzer kmem --perf-compat": lambda: run(*ours),
        "analyzer report": lambda: run(analyzer, "report", trace, "-o", html),
        "analyzer stat --by zone,order": lambda: run(analyzer, "stat", trace, "--by", "zone,order"),
    }
    best = interleaved(contenders)
    print(f"{counted:,} events recorded by perf, and read by each; least of {rounds} rounds on {os.cpu_count()} CPUs")
    show(best, counted, {"analyzer kmem --perf-compat": "perf kmem stat"})
    print(
        f"perf and the analyzer print the same, to the letter; importing perf.data, once, took {importing:.2f} s more"
    )


def synthetic(scratch):
    trace, html = f"{scratch}/trace", f"{scratch}/report.html"
    run(f"{programs}/examples/synthetic", trace, str(synthetic_events))
    with multiprocessing.get_context("spawn").Pool(1) as warm:
        contenders = {
            "analyzer report": lambda: run(analyzer, "report", trace, "-o", html),
            "analyzer kmem --page": lambda: run(analyzer, "kmem", trace, "--page"),
        }
        ratios = {}
        for by in ["zone,order", "gfp", "migratetype,order"]:
            ours, theirs = f"analyzer stat --by {by}", f"DuckDB, counted by {by}"
            contenders[theirs] = lambda by=by: warm.apply(query, (trace, counting(by)))
            contenders[ours] = lambda by=by: run(analyzer, "stat", trace, "--by", by)
            ratios[ours] = theirs
        if synthetic_events <= 20_000_000:
            # It sorts everything, and takes as much memory.
            contenders["DuckDB, matched, by gfp"] = lambda: warm.apply(query, (trace, MATCHING))
            ratios["DuckDB, matched, by gfp"] = "analyzer stat --by gfp"
        best = interleaved(contenders)
    print(f"\n{synthetic_events:,} synthetic page events; least of {rounds} rounds")
    show(best, synthetic_events, ratios)
    print(
        "the analyzer matches every free with its allocation, frame by frame, and follows what is live, and its peak; "
        "DuckDB counts, or matches first frames"
    )
    peak = max(memory for _, _, memory in best.values())
    print(
        f"memory of the analyzer at its peak: {peak / GIB:.2f} GiB; "
        "200 million events (SYNTHETIC_EVENTS=200000000) shall take less than 4 GiB"
    )


if __name__ == "__main__":
    for part in recorded, synthetic:
        with tempfile.TemporaryDirectory(dir="target") as directory:
            part(directory)
