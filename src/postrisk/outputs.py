"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from postrisk.errors import TableError


def is_device(path: str | Path) -> bool:
    """Tell whether a path is a device or a pipe, which is written to and never replaced."""
    path = Path(path)
    try:
        return path.exists() and not path.is_file() and not path.is_dir()
    except OSError:
        return False


def same_file(one: str | Path, other: str | Path) -> bool:
    """Tell whether two paths are one file, there already or not."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return Path(os.path.realpath(one)) == Path(os.path.realpath(other))


@contextmanager
def new_file(
    path: str | Path, *, encoding: str = "utf-8", errors: str = "strict"
) -> Iterator[IO[str]]:
    """Open a text file for writing; what stood under its name stays until it is complete.

    Raises
    ------
    TableError
        When it cannot be written.
    """
    try:
        if is_device(path):
            with Path(path).open("w", encoding=encoding, errors=errors, newline="") as file:
                yield file
            return
        final = Path(os.path.realpath(path))
        if final.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial = final.with_name(f".postrisk-{secrets.token_hex(8)}.part")
        try:
            with partial.open("x", encoding=encoding, errors=errors, newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
