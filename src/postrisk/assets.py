"""Where the files that travel with the package are.

``models/`` and ``datasets/`` lie at the top of the repository. A wheel carries them inside
the package; an editable install and a checkout find them beside ``src/``.
"""

from __future__ import annotations

from pathlib import Path

from postrisk.errors import DataError


def asset(*parts: str) -> Path:
    """Give the path of a shipped file or folder, such as ``asset("models", "postrisk-base")``.

    Raises
    ------
    DataError
        When it is in neither place.
    """
    package = Path(__file__).parent
    candidates = [package.joinpath(*parts), package.parents[1].joinpath(*parts)]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    wanted = "/".join(parts)
    raise DataError(f"{wanted}: not in the package and not beside it; reinstall postrisk")
