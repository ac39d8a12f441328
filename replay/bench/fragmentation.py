"""Runs the workload of `replay bench --fragmentation` on the real kernel of this machine.

    python3 replay/bench/fragmentation.py [ITERATIONS]

It takes nine tenths of the machine's memory page by page, one page in eight through pipes (the kernel's, it cannot
move), the others as anonymous memory. Half is freed at random, then a tenth of the pages changes place in each
iteration (100 unless told otherwise). Printed are the free 2 MiB blocks as a share of what the free pages of
/proc/buddyinfo could make: at first, at the end, and once compacted. Needs root, and a machine to spare: little else
can run meanwhile.
"""

import array
import contextlib
import fcntl
import mmap
import os
import pathlib
import random
import resource
import sys
import time

ITERATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
PAGE = 4096
PAGES_PER_PIPE = 256
VM = pathlib.Path("/proc/sys/vm")


@contextlib.contextmanager
def setting(name, value):
    """Another value for a setting of the kernel's, as long as it is needed."""
    before = (VM / name).read_text()
    (VM / name).write_text(value)
    try:
        yield
    finally:
        (VM / name).write_text(before)


def share():
    """Whole free 2 MiB blocks, of what the free pages could make."""
    # Pages on pcp lists are free and cannot merge: lists of almost no length are drained within a second or two.
    with setting("percpu_pagelist_high_fraction", "1000000"):
        time.sleep(5)
        zones = [list(map(int, line.split()[4:])) for line in pathlib.Path("/proc/buddyinfo").read_text().splitlines()]
    pages = sum(blocks << order for zone in zones for order, blocks in enumerate(zone))
    huge = sum(blocks << (order - 9) for zone in zones for order, blocks in enumerate(zone) if order >= 9)
    return f"{huge / (pages / 512):8.1%}"


class Anonymous:
    """Pages of this process."""

    def __init__(self, pages):
        self.memory = mmap.mmap(-1, pages * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.memory.madvise(mmap.MADV_NOHUGEPAGE)
        self.live, self.unused = array.array("I"), array.array("I", range(pages))

    def alloc(self):
        page = self.unused.pop()
        self.memory[page * PAGE] = 1
        self.live.append(page)

    def free(self):
        at = random.randrange(len(self.live))
        self.live[at], self.live[-1] = self.live[-1], self.live[at]
        page = self.live.pop()
        self.memory.madvise(mmap.MADV_DONTNEED, page * PAGE, PAGE)
        self.unused.append(page)


class Kernels:
    """Pages of the kernel's: what waits in pipes, which are written and read in random order."""

    def __init__(self, pages):
        count = pages // PAGES_PER_PIPE * 9 // 8 + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * count + 64, 2 * count + 64))
        self.pipes = [os.pipe() for _ in range(count)]
        for _, into in self.pipes:
            fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, PAGES_PER_PIPE * PAGE)
        self.used = [0] * count
        self.page = bytes(PAGE)

    def alloc(self):
        at = self.any_pipe(lambda used: used < PAGES_PER_PIPE)
        os.write(self.pipes[at][1], self.page)
        self.used[at] += 1

    def free(self):
        at = self.any_pipe(lambda used: used > 0)
        os.read(self.pipes[at][0], PAGE)
        self.used[at] -= 1

    def any_pipe(self, fits):
        while True:
            at = random.randrange(len(self.pipes))
            if fits(self.used[at]):
                return at


def main():
    random.seed(1)
    total, available = (
        int(line.split()[1]) // 4
        for line in pathlib.Path("/proc/meminfo").read_text().splitlines()
        if line.startswith(("MemTotal", "MemAvailable"))
    )
    pages = total * 9 // 10
    if available < pages + total // 50:
        sys.exit(
            f"fragmentation: {available / total:.0%} of memory is available, and nine tenths of it are to be filled: "
            "stop what else runs here."
        )
    (VM / "drop_caches").write_text("3")
    (VM / "compact_memory").write_text("1")
    kernels, anonymous = Kernels(pages // 8), Anonymous(pages - pages // 8)

    def alloc(count):
        for n in range(count):
            (anonymous if n % 8 else kernels).alloc()

    def free(count):
        for n in range(count):
            (anonymous if n % 8 else kernels).free()

    # kcompactd must not help: the model has none.
    with setting("compaction_proactiveness", "0"):
        alloc(pages)
        free(pages // 2)
        print(f"at first   {share()}", flush=True)
        for _ in range(ITERATIONS):
            free(pages // 20)
            alloc(pages // 20)
        print(f"at the end {share()}", flush=True)
        # What lies on pcp lists is in the way; it was drained for the last figure.
        (VM / "compact_memory").write_text("1")
        print(f"compacted  {share()}")


main()
