"""A model as a folder of plain files: arrays, JSON and a card, each with its checksum.

::

    postrisk-base/
    ├── config.json     validated; its own checksum and those of the others are in it
    ├── weights.npz     read with ``allow_pickle=False``
    └── CARD.md
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from postrisk.assets import asset
from postrisk.config import FORMAT_VERSION, ModelConfig
from postrisk.cutoffs import OVERALL, Cutoffs, Step
from postrisk.errors import DataError, ModelError, shorten
from postrisk.folding import folding_version
from postrisk.model import Calibration, RiskModel

DEFAULT_MODEL = "postrisk-base"
SHORT_NAMES = ("base", "research")
_CONFIG, _WEIGHTS, _CARD = "config.json", "weights.npz", "CARD.md"
_LARGEST_CONFIG = 1 << 20
_HEADERS = 4096


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _canonical(config: dict[str, Any]) -> bytes:
    """Give the bytes that ``config_checksum`` is taken over."""
    kept = {key: value for key, value in config.items() if key != "config_checksum"}
    return json.dumps(kept, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


def _arrays_as_npz(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def save(
    model: RiskModel,
    folder: Path,
    *,
    card: str,
    data_fingerprint: str,
    calibration: Literal["sigmoid", "none"] = "sigmoid",
) -> RiskModel:
    """Write a model folder; the same model and card give the same bytes.

    Parameters
    ----------
    model : RiskModel
    folder : Path
        Made if absent; the three files in it are replaced.
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
    arrays = _arrays_as_npz({"weights": model.weights, "style_weights": model.style_weights})
    files = {_WEIGHTS: arrays, _CARD: card.encode("utf-8")}
    config = {
        "format_version": FORMAT_VERSION,
        "name": model.name,
        "version": model.version,
        "categories": list(model.categories),
        "hashing": model.hashing.model_dump(mode="json"),
        "folding_version": folding_version(),
        "styles": list(model.styles),
        "windowing": model.windowing.model_dump(mode="json"),
        "calibration": {
            "method": calibration,
            "scales": model.scales.tolist(),
            "biases": model.biases.tolist(),
            "languages": {
                language: {"slopes": c.slopes.tolist(), "intercepts": c.intercepts.tolist()}
                for language, c in model.calibrations.items()
            },
        },
        "cutoffs": {name: cut.model_dump(mode="json") for name, cut in model.cutoffs.items()},
        "ladder": {
            name: {
                language: [step.model_dump(mode="json") for step in steps]
                for language, steps in ladder.items()
            }
            for name, ladder in model.ladder.items()
        },
        "data_fingerprint": data_fingerprint,
        "checksums": {name: _digest(data) for name, data in files.items()},
    }
    config["config_checksum"] = _digest(_canonical(config))
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / _CONFIG).write_text(
        json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
    )
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
    except (ValueError, RecursionError) as error:
        raise ModelError(path, "JSON", shorten(str(error), 120)) from None
    if not isinstance(raw, dict):
        raise ModelError(path, "JSON", "not an object")
    if raw.get("format_version") != FORMAT_VERSION:
        found = shorten(raw.get("format_version"))
        reason = f"found {found}, expected {FORMAT_VERSION}; train it again"
        raise ModelError(path, "format version", reason)
    if raw.get("config_checksum") != _digest(_canonical(raw)):
        raise ModelError(path, "checksum", "the file was changed after it was written")
    try:
        return ModelConfig.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelError(path, "fields", f"{where}: {first['msg']}") from None


def _read_arrays(path: Path, data: bytes, limit: int) -> dict[str, npt.NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as members:
            unpacked = sum(member.file_size for member in members.infolist())
        if unpacked > limit:
            raise ModelError(path, "size", f"unpacks to {unpacked:,} bytes, expected {limit:,}")  # noqa: TRY301
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - what zipfile, zlib and numpy raise is an open set
        raise ModelError(path, "arrays", shorten(str(error), 120)) from None


def _unpacked_limit(config: ModelConfig) -> int:
    numbers = config.hashing.buckets + 8 * len(config.styles)
    return numbers * len(config.categories) + _HEADERS


def _check_shapes(path: Path, config: ModelConfig, arrays: dict[str, npt.NDArray[Any]]) -> None:
    n = len(config.categories)
    expected = {
        "weights": ((config.hashing.buckets, n), np.int8),
        "style_weights": ((len(config.styles), n if config.styles else 0), np.float64),
    }
    for key, (shape, kind) in expected.items():
        array = arrays.get(key)
        if not isinstance(array, np.ndarray) or array.dtype != kind or array.shape != shape:
            found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "no array"
            raise ModelError(path, key, f"found {found}, expected {np.dtype(kind)} {shape}")
    if not np.isfinite(arrays["style_weights"]).all():
        raise ModelError(path, "style_weights", "not finite")


def load(folder: str | Path | None = None) -> RiskModel:
    """Load a model folder; nothing in it is ever run.

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
    for name in (_WEIGHTS, _CARD):
        data = _read(path / name)
        if config.checksums.get(name) != _digest(data):
            raise ModelError(path / name, "checksum", "the file was changed after it was written")
        if name == _WEIGHTS:
            arrays = _read_arrays(path / name, data, _unpacked_limit(config))
    if config.folding_version != folding_version():
        found = f"found {config.folding_version}, expected {folding_version()}; train it again"
        raise ModelError(path / _CONFIG, "folding version", found)
    n = len(config.categories)
    if len(set(config.categories)) != n:
        raise ModelError(path / _CONFIG, "categories", "one is there twice")
    lines = config.calibration.languages.values()
    sizes = {len(config.calibration.scales), len(config.calibration.biases)}
    sizes |= {len(numbers) for line in lines for numbers in (line.slopes, line.intercepts)}
    if sizes != {n} or set(config.cutoffs) != set(config.categories):
        raise ModelError(path / _CONFIG, "categories", "calibration or cutoffs do not fit them")
    if config.ladder and set(config.ladder) != set(config.categories):
        raise ModelError(path / _CONFIG, "categories", "the ladder does not fit them")
    if any(OVERALL not in ladder for ladder in config.ladder.values()):
        raise ModelError(path / _CONFIG, "ladder", f"a category has no steps for {OVERALL!r}")
    _check_shapes(path / _WEIGHTS, config, arrays)
    return RiskModel(
        name=config.name,
        version=config.version,
        categories=config.categories,
        hashing=config.hashing,
        weights=arrays["weights"],
        scales=np.array(config.calibration.scales),
        biases=np.array(config.calibration.biases),
        cutoffs=config.cutoffs,
        styles=config.styles,
        style_weights=arrays["style_weights"],
        windowing=config.windowing,
        calibrations={
            str(language): Calibration(np.array(line.slopes), np.array(line.intercepts))
            for language, line in config.calibration.languages.items()
        },
        ladder={
            name: {str(k): steps for k, steps in v.items()} for name, v in config.ladder.items()
        },
        identity=config.config_checksum,
    )


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
