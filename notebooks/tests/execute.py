"""Runs every notebook from top to bottom on a trace, and refuses one that was committed with its outputs.

    GFPSCOPE_TRACE=TRACE python3 notebooks/tests/execute.py

The notebooks read the trace that GFPSCOPE_TRACE names. Ends with 'N passed, N failed, N skipped'.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

NOTEBOOKS = Path(__file__).resolve().parent.parent
SECONDS_PER_CELL = 120


def leftovers(notebook):
    """Says which cells still hold what running them left behind: it makes diffs unreadable and can give away a host."""
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None):
            yield f"cell {number} is committed with its output; clear all outputs before saving"


def problems(path):
    """Yields a sentence for each thing wrong with the notebook."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    yield from leftovers(notebook)
    # Sockets of the file system: on TCP ports the kernel would take orders from anyone on this machine.
    with tempfile.TemporaryDirectory() as sockets:
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/kernel")
        client = NotebookClient(
            notebook, km=manager, timeout=SECONDS_PER_CELL, resources={"metadata": {"path": str(path.parent)}}
        )
        try:
            client.execute()
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            yield str(error)


def main():
    trace = os.environ.get("GFPSCOPE_TRACE", "")
    if not trace or not Path(trace).is_dir():
        sys.exit(f"notebooks: GFPSCOPE_TRACE is '{trace}', which is not a trace directory; 'make demo' makes one")
    # Notebooks run in their own folder.
    os.environ["GFPSCOPE_TRACE"] = str(Path(trace).resolve())
    # The kernel is the one beside this interpreter, whatever other Jupyter this machine has.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    passed = failed = 0
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        started = time.monotonic()
        found = list(problems(path))
        print(f"{path.name}: {'failed' if found else 'passed'} in {time.monotonic() - started:.1f} s", flush=True)
        for problem in found:
            print(problem, flush=True)
        passed, failed = passed + (not found), failed + bool(found)
    if passed + failed == 0:
        sys.exit(f"notebooks: there is none in {NOTEBOOKS}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
