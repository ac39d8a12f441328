"""Measures how many page events per second `collector record` keeps up with here, with its default options.

    python3 collector/bench/rate.py BIN_DIR [SECONDS]

A process per CPU does nothing but touch pages and give them back, which is as fast as a kernel makes page events.
Printed are the events per second that were recorded, what was dropped, the share of one core that the collector took,
and the bytes on disk per event. Needs root.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

BIN = pathlib.Path(sys.argv[1])
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60

with tempfile.TemporaryDirectory() as scratch:
    trace = pathlib.Path(scratch) / "trace"
    faults = f"while :; do '{BIN}/examples/workload' faults --pages 100000; done"
    load = [
        subprocess.Popen(["sh", "-c", faults], stdout=subprocess.DEVNULL, start_new_session=True)
        for _ in range(os.cpu_count())
    ]
    try:
        recording = subprocess.Popen([BIN / "collector", "record", "--duration", str(SECONDS), "-o", trace])
        _, status, usage = os.wait4(recording.pid, 0)
    finally:
        for process in load:
            os.killpg(process.pid, 9)
    if status != 0:
        sys.exit(f"rate: the collector ended with status {os.waitstatus_to_exitcode(status)}")
    info = json.loads(
        subprocess.run([BIN / "analyzer", "info", trace, "--json"], check=True, capture_output=True).stdout
    )
    ledger, events = info["ledger"], info["events"]
    pages = events["page_alloc"] + events["page_free"]
    of_pages = sum(file.stat().st_size for file in trace.glob("page-*.arrow"))
    cpu = usage.ru_utime + usage.ru_stime
    print(
        f"{'events/s':>12} {'of pages/s':>12} {'dropped':>10} {'missed':>10} "
        f"{'of a core':>10} {'bytes per page event':>22} {'peak MiB':>9}"
    )
    print(
        f"{ledger['written'] / info['duration_s']:12,.0f} {pages / info['duration_s']:12,.0f} "
        f"{ledger['dropped']:10,} {ledger['missed']:10,} "
        f"{100 * cpu / info['duration_s']:9.0f} % {of_pages / max(pages, 1):22.1f} {usage.ru_maxrss / 1024:9.0f}"
    )
