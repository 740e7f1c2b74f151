"""The files of a set as they lie in the data folder: whether they are right, and fetching them.

A download goes to ``NAME.part`` beside its place, goes on where it stopped, and takes its name
only once its checksum is right.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from postrisk.errors import DataError
from postrisk.registry import Card, DataFile

Progress = Callable[[int], None]
_CHUNK = 1 << 16
_SECONDS = 30.0
_NOT_SATISFIABLE = 416


class State(StrEnum):
    """How a file compares with its card."""

    RIGHT = "right"
    ABSENT = "absent"
    CHANGED = "changed"


def state(path: Path, file: DataFile) -> State:
    """Compare a file with its card, its size first."""
    if not path.is_file():
        return State.ABSENT
    if path.stat().st_size != file.bytes or _sha256(path) != file.sha256:
        return State.CHANGED
    return State.RIGHT


def states(card: Card, root: Path) -> dict[str, State]:
    """Compare every file of a set with its card."""
    folder = root / card.folder
    return {file.path: state(folder / file.path, file) for file in card.files}


def fetch(card: Card, file: DataFile, root: Path, on_progress: Progress = lambda _: None) -> bool:
    """Download a file unless it is there and right; tell whether anything was downloaded.

    Parameters
    ----------
    card, file
    root : Path
        The data folder.
    on_progress : callable
        Called with the bytes that are there so far.

    Raises
    ------
    DataError
        When the file cannot be fetched, the download stopped (what came is kept to go on from),
        or its checksum is wrong (nothing is kept).
    """
    target = root / card.folder / file.path
    if state(target, file) is State.RIGHT:
        return False
    if reason := card.unfetchable(file):
        raise DataError(f"{card.name}: {file.path}: {reason}")
    part = target.with_name(f"{target.name}.part")
    url = card.url(file)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not part.exists() or part.stat().st_size != file.bytes:
            _download(url, part, file.bytes, on_progress)
        size, found = part.stat().st_size, _sha256(part)
        if size < file.bytes:
            raise DataError(f"{url}: stopped at {size:,} of {file.bytes:,} bytes; run it again")
        if found != file.sha256:
            part.unlink()
            raise DataError(f"{url}: found SHA-256 {found}, expected {file.sha256}; nothing kept")
        part.replace(target)
    except OSError as error:
        raise DataError(f"{error.filename or part}: {error.strerror or error}") from None
    return True


def _download(url: str, part: Path, size: int, on_progress: Progress) -> None:
    done = part.stat().st_size if part.exists() else 0
    if done > size:
        part.unlink()
        done = 0
    headers = {"User-Agent": "postrisk", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the card allows http(s)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            goes_on = answer.status == http.client.PARTIAL_CONTENT and _starts_at(answer, done)
            _store(answer, part, done if goes_on else 0, size, on_progress)
    except urllib.error.HTTPError as error:
        if error.code == _NOT_SATISFIABLE and done:
            part.unlink()  # the file upstream is shorter than what is here
        error.close()
        raise DataError(f"{url}: HTTP {error.code} {error.reason}") from None
    except http.client.IncompleteRead:
        pass  # what came is kept; the caller sees that it is short
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as e:
        reason = getattr(e, "reason", e)
        raise DataError(f"{url}: {reason}; run it again to go on") from None


def _starts_at(answer: http.client.HTTPResponse, done: int) -> bool:
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return found is not None and int(found.group(1)) == done


def _store(
    answer: http.client.HTTPResponse, part: Path, done: int, size: int, on_progress: Progress
) -> None:
    with part.open("r+b" if done else "wb") as file:
        file.seek(done)
        on_progress(done)
        # One byte more than expected tells a longer file without taking all of it.
        while done <= size and (chunk := answer.read(min(_CHUNK, size + 1 - done))):
            file.write(chunk)
            done += len(chunk)
            on_progress(done)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
