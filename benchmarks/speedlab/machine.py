"""What the figures hold for: the machine and the versions, without names or paths."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import postrisk
from postrisk.store import find_model
from speedlab.plain import FLAGS, compiler_version
from speedlab.processes import BENCHMARKS, cores
from speedlab.timing import NotAvailableError

_PACKAGES = ("numpy", "pyarrow", "pydantic", "scikit-learn", "typer")
_CPUINFO = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def _cpu_model() -> str:
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _caches() -> dict[str, str]:
    """Give the caches that a core reads data through, such as ``{"L2": "512K"}``."""
    found = {}
    for index in sorted(_CACHES.glob("index*")):
        level, kind, size = (
            (index / name).read_text("utf-8").strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            found[f"L{level}"] = size
    return found


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """Give the commit of this checkout, marked when tracked files of the library differ."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(BENCHMARKS.parent), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "models")
        return git("rev-parse", "--short", "HEAD") + (" and changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _compiler() -> str:
    try:
        return f"{compiler_version()}, {' '.join(FLAGS[:2])}"
    except NotAvailableError as reason:
        return str(reason)


def load() -> float | None:
    """Give how many programs wanted a core over the last minute, ours among them."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def describe_machine() -> dict[str, Any]:
    """Give what a reader needs to know of the machine."""
    return {
        "cpu": _cpu_model(),
        "architecture": platform.machine(),
        "cores": len(cores()),
        "caches_of_a_core": _caches(),
        "memory_gib": _memory_gib(),
        "system": _system(),
        "load_at_start": load(),
        "compiler": _compiler(),
        "versions": {
            "postrisk": postrisk.__version__,
            "commit": _commit(),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            **{package: _version(package) for package in _PACKAGES},
        },
    }


def model_bytes() -> dict[str, Any]:
    """Give the size of the shipped model, stored and as weights in memory."""
    folder = find_model()
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    model = postrisk.load()
    return {
        "stored": sum(files.values()),
        "files": files,
        "weights_in_memory": model.weights.nbytes,
    }
