"""Run one program and say how long it took and how much memory it held at its peak.

    python -I -S watch.py '{"command": ["python", "-c", "pass"], "cores": [0]}'

A process of its own, since a child's peak on Linux begins with its parent's memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

_KIB = 1024


def main() -> None:
    """Run it, wait for it, and print what it took as JSON."""
    order = json.loads(sys.argv[1])
    if order["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, order["cores"])
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 - our own commands
            order["command"], stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        found = {
            "seconds": seconds,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else _KIB),
            "code": child.returncode,
            "output": output.read().decode("utf-8", "replace"),
            "errors": errors.read().decode("utf-8", "replace"),
        }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
