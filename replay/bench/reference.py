"""Measures what the reference allocator's operations cost, beside those of LLFree, in one interleaved run.

    python3 replay/bench/reference.py BIN_DIR [ROUNDS]

LLFree is another project's allocator; its benchmark is run where LLFREE_BENCH names the program, and nothing here needs
it. Both work on 4 GiB with one thread on one processor, in the way LLFree's benchmark does: half of memory is allocated
and freed again in order (bulk) and in random order (rand), or one block is allocated and freed while half of memory is
in use (repeat). Each round runs both, so that they see the same weather; the least counts.
"""

import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HOW = """LLFREE_BENCH is not set. For its figures beside ours:
    git clone https://github.com/luhsra/llfree-rs
    (cd llfree-rs && CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=cc cargo build --release -p llfree-eval --bin bench)
    LLFREE_BENCH=$PWD/llfree-rs/target/release/bench make bench"""
ORDERS = ["0", "3", "9"]
# LLFree's benchmarks, and what their two columns are called here.
BENCHMARKS = {"repeat": ["repeat", None], "bulk": ["bulk_get", "bulk_put"], "rand": ["random_get", "random_put"]}


def ours(programs):
    """Nanoseconds by operation and order."""
    done = subprocess.run([programs / "replay", "bench", "--json"], check=True, capture_output=True, text=True)
    return {(row["name"], row["order"]): row["ns_per_op"] for row in json.loads(done.stdout)}


def llfree(program):
    """Nanoseconds by operation and order, of LLFree's benchmark."""
    figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        for benchmark, names in BENCHMARKS.items():
            orders = [argument for order in ORDERS for argument in ("-s", order)]
            command = [
                program,
                benchmark,
                "LLFree",
                "-x",
                "1",
                "-t",
                "1",
                "-m",
                "4",
                "-i",
                "5",
                *orders,
                "-o",
                f"{scratch}/out.csv",
            ]
            subprocess.run(command, check=True, capture_output=True)
            for row in csv.DictReader(pathlib.Path(scratch, "out.csv").open()):
                for name, column in zip(names, ["get_min", "put_min"], strict=True):
                    key = (name, int(row["order"]))
                    figures[key] = min(float(row[column]), figures.get(key, float("inf")))
    return figures


programs, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
peer = os.environ.get("LLFREE_BENCH")
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
least, theirs = {}, {}
for _ in range(rounds):
    for figures, measured in [(least, ours(programs)), (theirs, llfree(peer) if peer else {})]:
        for key, ns in measured.items():
            figures[key] = min(ns, figures.get(key, ns))

print(f"nanoseconds per operation, one thread, 4 GiB, the least of {rounds} rounds")
print(f"{'operation':<12}{'order':>6}{'reference':>11}{'LLFree':>9}")
for (name, order), ns in least.items():
    other = theirs.get((name, order))
    print(f"{name:<12}{order:>6}{ns:>11.1f}{'' if other is None else f'{other:9.0f}'}")
if not peer:
    print(HOW)
