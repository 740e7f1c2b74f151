"""A model as a folder of plain files: whole numbers, JSON and a card, each with its checksum.

::

    postrisk-base/
    ├── config.json     its own checksum and those of the others are in it
    ├── weights.npy     int8, shape (n_buckets, n_categories); mapped into memory, not read
    └── CARD.md

Processes that load the same folder share the pages of its weights.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from postrisk.assets import asset
from postrisk.config import FORMAT_VERSION, Method, ModelConfig, plain_values, read_values
from postrisk.cutoffs import OVERALL, Cutoffs, Step
from postrisk.errors import DataError, InputError, ModelError, shorten
from postrisk.folding import folding_version
from postrisk.model import Calibration, RiskModel

DEFAULT_MODEL = "postrisk-base"
SHORT_NAMES = ("base", "research")
_CONFIG, _WEIGHTS, _CARD = "config.json", "weights.npy", "CARD.md"
_LARGEST_CONFIG = 1 << 20
_HEADER = 128
_CHANGED = "the file was changed after it was written"


def _digest(data: bytes | mmap.mmap) -> str:
    return hashlib.sha256(data).hexdigest()


def _canonical(config: dict[str, Any]) -> bytes:
    """Give the bytes that ``config_checksum`` is taken over."""
    kept = {key: value for key, value in config.items() if key != "config_checksum"}
    return json.dumps(kept, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


def _header(shape: tuple[int, ...]) -> bytes:
    """Give the only header that ``weights.npy`` may have, the one that `numpy.save` writes.

    A header that must equal this one needs no parser.
    """
    words = f"{{'descr': '|i1', 'fortran_order': False, 'shape': {shape}, }}"
    before = b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little")
    return before + words.encode().ljust(_HEADER - 11) + b"\n"


def _write(path: Path, data: bytes) -> None:
    # Written beside and moved: whoever has the old file mapped keeps the old one.
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def save(
    model: RiskModel,
    folder: Path,
    *,
    card: str,
    data_fingerprint: str,
    calibration: Method = "sigmoid",
) -> RiskModel:
    """Write a model folder; the same model and card give the same bytes.

    Parameters
    ----------
    model : RiskModel
    folder : Path
        Made if absent; the three files in it are replaced, each as a whole.
    card : str
        The model card, Markdown.
    data_fingerprint : str
        Says which data the model learnt from, such as a SHA-256 over them.
    calibration : {"sigmoid", "none"}

    Returns
    -------
    RiskModel
        The model with its identity.
    """
    weights = np.ascontiguousarray(model.weights)
    files = {
        _WEIGHTS: _header(weights.shape) + weights.tobytes(),
        _CARD: card.encode("utf-8"),
    }
    config = {
        "format_version": FORMAT_VERSION,
        "folding_version": folding_version(),
        **plain_values(model, calibration),
        "data_fingerprint": data_fingerprint,
        "checksums": {name: _digest(data) for name, data in files.items()},
    }
    config["config_checksum"] = _digest(_canonical(config))
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        _write(folder / name, data)
    shown = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    _write(folder / _CONFIG, shown.encode("utf-8"))
    return replace(model, identity=str(config["config_checksum"]))


def _read(path: Path, limit: int | None = None) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read() if limit is None else file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise ModelError(path, "readable", getattr(error, "strerror", None) or str(error)) from None
    if limit is not None and len(data) > limit:
        raise ModelError(path, "size", f"over {limit:,} bytes")
    return data


def read_config(folder: Path) -> ModelConfig:
    """Read and check ``config.json`` of a model folder.

    Raises
    ------
    ModelError
        Names the file and the check that failed.
    """
    path = folder / _CONFIG
    data = _read(path, _LARGEST_CONFIG)
    try:
        raw = json.loads(data.decode("utf-8"))
        digest = _digest(_canonical(raw)) if isinstance(raw, dict) else ""
    except (ValueError, RecursionError) as error:
        raise ModelError(path, "JSON", shorten(str(error), 120)) from None
    if not isinstance(raw, dict):
        raise ModelError(path, "JSON", "not an object")
    if raw.get("format_version") != FORMAT_VERSION:
        found = shorten(raw.get("format_version"))
        reason = f"found {found}, expected {FORMAT_VERSION}; train it again"
        raise ModelError(path, "format version", reason)
    if raw.get("config_checksum") != digest:
        raise ModelError(path, "checksum", _CHANGED)
    try:
        return read_values(raw, "")
    except InputError as error:
        raise ModelError(path, "fields", str(error)) from None
    except RecursionError:
        raise ModelError(path, "fields", "nested too deeply") from None


def _map(path: Path, limit: int) -> bytes | mmap.mmap:
    """Map a file into memory; nothing of it is read yet."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise ModelError(path, "size", f"found {size:,} bytes, expected {limit:,}")
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    except (OSError, ValueError) as error:
        raise ModelError(path, "readable", getattr(error, "strerror", None) or str(error)) from None


def _map_weights(path: Path, config: ModelConfig) -> npt.NDArray[np.int8]:
    """Give the weights as a read-only view of the file, which is checked to the last byte."""
    shape = config.hashing.buckets, len(config.categories)
    header = _header(shape)
    size = len(header) + shape[0] * shape[1]
    data = _map(path, size)
    if config.checksums.get(_WEIGHTS) != _digest(data):
        raise ModelError(path, "checksum", _CHANGED)
    if data[: len(header)] != header:
        found = shorten(data[10 : len(header)].decode("latin-1").replace("'", "").strip())
        raise ModelError(path, "weights", f"found {found}, expected int8 {shape} in C order")
    if len(data) != size:
        raise ModelError(path, "size", f"found {len(data):,} bytes, expected {size:,}")
    return np.frombuffer(data, dtype=np.int8, offset=len(header)).reshape(shape)


def _check_fit(path: Path, config: ModelConfig) -> None:
    """Check that the parts of a config fit each other and this version of postrisk."""
    n = len(config.categories)
    if config.folding_version != folding_version():
        found = f"found {config.folding_version}, expected {folding_version()}; train it again"
        raise ModelError(path, "folding version", found)
    if len(set(config.categories)) != n:
        raise ModelError(path, "categories", "one is there twice")
    lines = config.calibration.languages.values()
    sizes = {len(config.calibration.scales), len(config.calibration.biases)}
    sizes |= {len(numbers) for line in lines for numbers in (line.slopes, line.intercepts)}
    if sizes != {n} or set(config.cutoffs) != set(config.categories):
        raise ModelError(path, "categories", "calibration or cutoffs do not fit them")
    if config.ladder and set(config.ladder) != set(config.categories):
        raise ModelError(path, "categories", "the ladder does not fit them")
    if any(OVERALL not in ladder for ladder in config.ladder.values()):
        raise ModelError(path, "ladder", f"a category has no steps for {OVERALL!r}")
    if [len(row) for row in config.style_weights] != [n] * len(config.styles):
        raise ModelError(path, "style_weights", "they do not fit the styles and categories")


def load(folder: str | Path | None = None) -> RiskModel:
    """Load a model folder; nothing in it is ever run.

    The weights are checked and then stay a read-only view of the file. `save` and everything else
    that moves a new file into its place leaves a loaded model as it is; a program that writes
    into the file itself does not.

    Parameters
    ----------
    folder : str or Path, optional
        A model folder, or the name of a shipped model, such as ``"research"``; the shipped
        default when absent.

    Raises
    ------
    ModelError
        When a file is absent, was changed, or does not fit; it names the file and the check.
    """
    path = find_model(folder)
    config = read_config(path)
    _check_fit(path / _CONFIG, config)
    if config.checksums.get(_CARD) != _digest(_read(path / _CARD)):
        raise ModelError(path / _CARD, "checksum", _CHANGED)
    weights = _map_weights(path / _WEIGHTS, config)
    n_styles = len(config.styles)
    model = RiskModel(
        name=config.name,
        version=config.version,
        categories=config.categories,
        hashing=config.hashing,
        weights=weights,
        scales=np.array(config.calibration.scales),
        biases=np.array(config.calibration.biases),
        cutoffs=config.cutoffs,
        styles=config.styles,
        style_weights=np.array(config.style_weights).reshape(n_styles, -1 if n_styles else 0),
        windowing=config.windowing,
        calibrations={
            language: Calibration(np.array(line.slopes), np.array(line.intercepts))
            for language, line in config.calibration.languages.items()
        },
        ladder=config.ladder,
        identity=config.config_checksum,
    )
    model.warm_up()
    return model


def find_model(folder: str | Path | None = None) -> Path:
    """Give the folder of a model named by path, by shipped name, or by default."""
    name = DEFAULT_MODEL if folder is None else str(folder)
    try:
        if folder is not None and (Path(folder).exists() or len(Path(folder).parts) > 1):
            return Path(folder)
        short = f"postrisk-{name}"
        return asset("models", short if name in SHORT_NAMES else name)
    except (DataError, OSError, ValueError):  # the last two for names that no file can have
        raise ModelError(
            Path(name), "found", "no such folder and no shipped model of that name"
        ) from None


def _read_card(path: Path) -> str:
    try:
        return _read(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(path, "UTF-8", str(error)) from None


def _bands_in_words(cut: Cutoffs) -> str:
    flag = (
        f"never flagged: {cut.why_never_flagged}"
        if cut.flag is None
        else f"flag from {cut.flag:.3f}"
    )
    return f"review from {cut.review:.3f}, {flag}"


def _step_in_words(step: Step) -> str:
    if step.cutoff is None:
        return f"{step.ceiling:.1%}: unknown"
    recall = "" if step.recall is None else f", recall {step.recall:.0%}"
    return (
        f"{step.ceiling:.1%}: from {step.cutoff:.3f}{recall}{'' if step.proven else ', not proven'}"
    )


def describe(folder: str | Path | None = None) -> dict[str, Any]:
    """Describe a stored model: versions, categories, size, checksums and the card's summary.

    Raises
    ------
    ModelError
    """
    path = find_model(folder)
    model, config = load(path), read_config(path)
    card = _read_card(path / _CARD)
    paragraphs = [p for p in card.split("\n\n") if p.strip() and not p.startswith(("#", "<"))]
    return {
        "model": f"{model.name} {model.version}",
        "identity": model.identity,
        "categories": list(model.categories),
        "n_grams": f"characters {model.hashing.char_orders}, words {model.hashing.word_orders},"
        f" {model.hashing.buckets:,} buckets",
        "folding_version": config.folding_version,
        "style_features": list(model.styles) or "none",
        "bytes": sum((path / name).stat().st_size for name in (_CONFIG, _WEIGHTS, _CARD)),
        "data_fingerprint": config.data_fingerprint,
        "cutoffs": {
            f"{name} ({language})" if language else name: _bands_in_words(cut)
            for name, all_cuts in config.cutoffs.items()
            for language, cut in {"": all_cuts, **all_cuts.languages}.items()
        },
        "ceilings": {
            f"{name} ({language})": "; ".join(map(_step_in_words, steps))
            for name, ladder in config.ladder.items()
            for language, steps in ladder.items()
        }
        or "none",
        "checksums": config.checksums,
        "card": paragraphs[0].strip() if paragraphs else "",
    }
