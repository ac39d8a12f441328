"""Compares `analyzer stat` and `analyzer info` with counts that share no code with them.

    oracle.py TRACE ANALYZER_BINARY

Three witnesses read the segments by themselves: pyarrow alone, as the documentation of the crate `trace` says; DuckDB, for what can be
counted without matching frees with allocations; and a model in plain Python that follows every single frame, for what cannot.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc

trace, analyzer = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
NO_PFN = 2**64 - 1
checked = failed = 0


def check(what, ours, theirs):
    """Counts a comparison, and shows it if it fails."""
    global checked, failed
    checked += 1
    if ours != theirs:
        failed += 1
        if isinstance(ours, dict):
            keys = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
            ours, theirs = ({key: side.get(key) for key in keys[:5]} for side in (ours, theirs))
            what += f" ({len(keys)} groups differ)"
        print(f"oracle: {what}: analyzer says {ours}, the oracle {theirs}")


def run(*arguments):
    """What the analyzer answers, as JSON."""
    result = subprocess.run([analyzer, arguments[0], trace, *arguments[1:], "--json"], check=True, stdout=subprocess.PIPE)
    return json.loads(result.stdout)


def stat(*by, slab=False):
    """The rows of `analyzer stat`, by their keys."""
    arguments = ["--by", ",".join(by)] if by else ["--total"]
    rows = run("stat", *arguments, *(["--slab"] if slab else []))
    return {tuple(row[key] for key in by): row for row in rows}


def table(name):
    """A table as pyarrow reads it, by the words of the documentation."""
    tables = []
    for file in sorted(glob.glob(f"{name}-*.arrow")):
        try:
            tables.append(ipc.open_file(file).read_all())
        except pa.ArrowInvalid:  # no footer: the collector was killed
            with open(file, "rb") as stream:
                stream.seek(8)
                batches = []
                reader = ipc.open_stream(stream)
                try:
                    batches.extend(reader)
                except (pa.ArrowInvalid, OSError):
                    pass
                tables.append(pa.Table.from_batches(batches, reader.schema))
    return pa.concat_tables(tables) if tables else None


os.chdir(trace)
header = json.load(open("trace.json"))
kinds = header["kinds"]
pages, slabs = table("page"), table("slab")

# pyarrow alone: the number of events of each kind.
info = run("info")
for name, number in kinds.items():
    count = sum(pc.sum(pc.equal(t["kind"], number)).as_py() or 0 for t in (pages, slabs) if t is not None)
    check(f"info: events.{name}", info["events"][name], count)
ledger = table("ledger")
if ledger is not None:
    last = {(row["cpu"], row["program"]): row for row in ledger.to_pylist()}
    for column in ("seen", "written", "dropped", "filtered", "missed"):
        check(f"info: ledger.{column}", info["ledger"][column], sum(row[column] for row in last.values()))

# DuckDB: what needs no matching. Allocations have all their properties themselves; frees know their frames only.
ALLOC, FREE = kinds["page_alloc"], kinds["page_free"]
zones = dict(enumerate(zone["name"] for zone in header["zones"]))
if len({zone["node"] for zone in header["zones"]}) > 1:
    zones = {number: f"node {header['zones'][number]['node']} {name}" for number, name in zones.items()}
zones[255] = "unknown"
migratetypes = dict(enumerate(header["migratetypes"])) | {255: "-"}


def gfp(mask):
    """A mask in the kernel's words, by the table in the header."""
    if mask == 0:
        return "none"
    names = []
    for name, bits in header["gfp"]:
        if bits and mask & bits == bits:
            names.append(name)
            mask &= ~bits
    return "|".join(names + ([hex(mask)] if mask else []))


decode = {"zone": zones.get, "migratetype": migratetypes.get, "order": int, "gfp": gfp, "cpu": int, "pid": int}
if pages is not None:
    size = header["page_size"]
    sums = f"""count(*) filter (kind = {ALLOC} and pfn <> {NO_PFN}), count(*) filter (kind = {ALLOC} and pfn = {NO_PFN}),
               coalesce(sum((1::bigint << "order") * {size}) filter (kind = {ALLOC} and pfn <> {NO_PFN}), 0)::bigint"""
    for by in (["zone", "order"], ["migratetype", "order"], ["gfp"], ["cpu"], ["pid", "zone"], ["gfp", "order", "cpu"]):
        columns = ", ".join(f'"{key}"' for key in by)
        ours = {key: (row["allocs"], row["failures"], row["alloc_bytes"]) for key, row in stat(*by).items() if row["requests"]}
        rows = duckdb.sql(f"select {columns}, {sums} from pages where kind = {ALLOC} group by {columns}").fetchall()
        theirs = {tuple(decode[key](value) for key, value in zip(by, row)): row[len(by):] for row in rows}
        check(f"stat --by {','.join(by)}: allocations", ours, theirs)
    total = stat()[()]
    free_sums = f"""select count(*), coalesce(sum((1::bigint << "order") * {size}), 0)::bigint from pages where kind = {FREE}"""
    check("stat: frees and their bytes", (total["frees"], total["free_bytes"]), duckdb.sql(free_sums).fetchall()[0])
    by_zone = {zone: row["frees"] for (zone,), row in stat("zone").items() if row["frees"]}
    rows = duckdb.sql(f"select zone, count(*) from pages where kind = {FREE} group by zone").fetchall()
    check("stat --by zone: frees", by_zone, {zones[zone]: count for zone, count in rows})

    # Plain Python: every frame remembers the event that allocated it.
    owner = {}
    model = {by: defaultdict(lambda: [0, 0, 0, 0, 0]) for by in (("order",), ("gfp",), ("migratetype", "zone"), ("pid",))}
    unmatched = 0
    columns = [pages[name].to_pylist() for name in ("kind", "pfn", "order", "gfp", "migratetype", "zone", "pid")]
    for kind, pfn, order, mask, migratetype, zone, pid in zip(*columns):
        if kind == ALLOC and pfn == NO_PFN:
            continue
        ended = {}
        for frame in range(pfn, pfn + (1 << order)):
            allocation = owner.pop(frame, None)
            if allocation is not None:
                ended[id(allocation)] = (allocation, ended.get(id(allocation), (None, 0))[1] + 1)
        if kind == ALLOC:
            allocation = {"order": order, "gfp": gfp(mask), "migratetype": migratetypes[migratetype], "zone": zones[zone], "pid": pid}
            for frame in range(pfn, pfn + (1 << order)):
                owner[frame] = allocation
        elif not ended:
            unmatched += 1
        for by, groups in model.items():
            # frees, implied frees, live, peak, and a running order of changes
            for number, (former, frames) in enumerate(ended.values()):
                group = groups[tuple(former[key] for key in by)]
                group[0 if kind == FREE and number == 0 else 1] += 1
                group[2] -= frames * size
            if kind == ALLOC:
                group = groups[tuple(allocation[key] for key in by)]
                group[2] += size << order
                group[3] = max(group[3], group[2])
    check("stat: unmatched_frees", total["unmatched_frees"], unmatched)
    for by, groups in model.items():
        ours = {
            key: [row["frees"] - row["unmatched_frees"], row["implied_frees"], row["live"], row["peak_live"]]
            for key, row in stat(*by).items()
            if row["allocs"]
        }
        check(f"stat --by {','.join(by)}: frees, implied frees, live, peak", ours, {key: group[:4] for key, group in groups.items()})

if slabs is not None:
    allocating = (kinds["kmalloc"], kinds["cache_alloc"])
    rows = duckdb.sql(f"select count(*), coalesce(sum(bytes_req), 0)::bigint, coalesce(sum(bytes_alloc), 0)::bigint from slabs where kind in {allocating} and object <> 0")
    total = stat(slab=True)[()]
    check("stat --slab", (total["allocs"], total["requested_bytes"], total["alloc_bytes"]), rows.fetchall()[0])
    live, frees, unmatched, null = {}, 0, 0, 0
    for kind, address, size in zip(*(slabs[name].to_pylist() for name in ("kind", "object", "bytes_alloc"))):
        if kind in allocating:
            if address:
                live[address] = size
        else:
            frees += address != 0
            null += address == 0
            unmatched += address != 0 and live.pop(address, None) is None
    ours = (total["frees"], total["null_frees"], total["unmatched_frees"], total["live"])
    check("stat --slab: frees, those of NULL, unmatched, live", ours, (frees, null, unmatched, sum(live.values())))

# SQLite in `analyzer sql` and DuckDB answer the same text. Ours has NULL for the kernel's -1UL.
slab, symbol, queries = slabs, table("symbol"), []
if slab is not None:
    queries.append(
        """select cpu, kind, count(*) as n, min(object) as low, max(object) as high, sum(bytes_req) as bytes
           from slab group by cpu, kind order by cpu, kind"""
    )
if slab is not None and symbol is not None:
    queries.append(
        """select function, count(*) as n, count(distinct pid) as pids, sum(bytes_alloc) as bytes
           from slab join symbol on symbol.id = slab.call_site group by function order by function"""
    )
if pages is not None:
    page = duckdb.sql(f"select * replace (nullif(pfn, {NO_PFN}) as pfn) from pages")
    start, end = pc.min(pages["time"]).as_py(), pc.max(pages["time"]).as_py()
    third = (end - start) // 3
    queries += [
        """select zone, "order", gfp, count(*) as n, count(pfn) as frames, min(pfn) as low, max(pfn) as high, min(time) as first, max(time) as last
           from page group by zone, "order", gfp order by zone, "order", gfp""",
        f"select kind, count(*) as n, max(time) as last from page where time between {start + third} and {end - third} group by kind order by kind",
        """select time, pid, pfn, nth from (select time, pid, pfn, row_number() over (partition by pid order by time, pfn) as nth from page) as numbered
           where nth <= 3 order by pid, time, pfn""",
    ]
for query in queries:
    answer = duckdb.sql(query)
    theirs = [dict(zip(answer.columns, row)) for row in answer.fetchall()]
    check(f"sql: {' '.join(query.split())}", run("sql", query), theirs)

# The Parquet export, as DuckDB reads a partitioned dataset: the same rows, and few bytes.
with tempfile.TemporaryDirectory() as scratch:
    subprocess.run([analyzer, "export", trace, "--parquet", scratch], check=True, stdout=subprocess.DEVNULL)
    for name, events in (("page", pages), ("slab", slabs)):
        if events is None:
            continue
        columns = [column for column in events.column_names if pa.types.is_integer(events.schema.field(column).type)]
        sums = ", ".join(["count(*)"] + [f'sum("{column}"::hugeint)' for column in columns])
        theirs = duckdb.sql(f"select {sums} from events").fetchall()
        files = f"{scratch}/{name}/*/*/*.parquet"
        check(f"export --parquet: {name}", duckdb.sql(f"select {sums} from read_parquet('{files}', hive_partitioning=true)").fetchall(), theirs)
        size = sum(os.path.getsize(file) for file in glob.glob(files))
        # A small file is mostly footer: it holds the header, too.
        if name == "page" and len(events) > 100_000:
            check(f"export --parquet: {size / len(events):.1f} bytes per page event are at most 10", size <= 10 * len(events), True)
if pages is not None:
    lines = subprocess.run([analyzer, "export", trace, "--csv"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    check("export --csv: a line an event, and one of headings", len(lines), len(pages) + 1)

print(f"{checked - failed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
