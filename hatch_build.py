"""Build hook: compile the optional scoring kernel where a C compiler is found.

Installing never needs one. Without it, or when compiling fails, the wheel is pure Python and
numpy computes the same numbers, to the bit, more slowly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCE = Path("src") / "postrisk" / "_kernel" / "kernel.c"
_LIBRARY = "kernel.so"
_FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-shared", "-ffp-contract=off", "-fno-math-errno")
# Functions in versions for several processors, of which the loader picks one, are not to be had
# everywhere; the second attempt goes without.
_ATTEMPTS = (("-DPOSTRISK_CLONES",), ())


def _compilers() -> list[str]:
    named = os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "").split(" ")[0]
    return [
        found for name in (named, "cc", "gcc", "clang") if name and (found := shutil.which(name))
    ]


def _compile(source: Path, target: Path) -> bool:
    for compiler in _compilers():
        for extra in _ATTEMPTS:
            command = [compiler, *_FLAGS, *extra, str(source), "-o", str(target), "-lm"]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:  # noqa: S603
                return True
    return False


class KernelBuildHook(BuildHookInterface):
    """Puts ``kernel.so`` into the package."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the wheel is put together; an editable one gets it in the source tree."""
        if os.environ.get("POSTRISK_PURE") or sys.platform == "win32":
            return
        root = Path(self.root)
        if version == "editable":
            _compile(root / _SOURCE, root / _SOURCE.with_name(_LIBRARY))
            return
        self._folder = tempfile.TemporaryDirectory()
        built = Path(self._folder.name) / _LIBRARY
        if _compile(root / _SOURCE, built):
            build_data["force_include"][str(built)] = f"postrisk/_kernel/{_LIBRARY}"
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        del version, build_data, artifact_path
        if hasattr(self, "_folder"):
            self._folder.cleanup()
