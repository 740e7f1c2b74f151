"""The compiled kernel gives what numpy gives, to the bit; and nothing needs it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import postrisk
import strategies
from postrisk import native
from postrisk.corpora import authored
from postrisk.explanation import explain_texts
from postrisk.folding import fold_batch
from postrisk.model import RiskModel
from postrisk.ngrams import Hashing
from postrisk.style import language_indices
from postrisk.utf8 import Utf8
from postrisk.windows import Windowing

needs_library = pytest.mark.skipif(
    native.library() is None, reason="the kernel was not compiled: no C compiler at installation"
)
TEXTS = st.lists(strategies.texts(max_pieces=12), max_size=6)


def plain_models():
    """Models without style features, which the compiled kernel leaves to numpy."""
    return strategies.models().map(
        lambda model: RiskModel(**(vars(model) | {"styles": (), "style_weights": np.zeros((0, 0))}))
    )


def by_numpy(model, texts):
    batch = fold_batch(texts)
    return model.best_windows(batch), language_indices(batch), model.batch_logits(batch)


@needs_library
@given(plain_models(), TEXTS)
def test_the_compiled_kernel_gives_the_numbers_of_numpy(model, texts):
    best, languages, logits = by_numpy(model, texts)
    sums, counts = model.kernel.sum_windows(Utf8.of_list(texts))
    np.testing.assert_array_equal(sums, best.sums)
    np.testing.assert_array_equal(counts, best.counts)
    np.testing.assert_array_equal(model.read(texts)[1], languages)
    assert model.read(texts)[0].tobytes() == logits.tobytes()


@needs_library
@given(plain_models(), TEXTS)
def test_an_arrow_column_scores_as_its_list_does(model, texts):
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    expected = model.logits(texts).tobytes()
    for kind in (
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary("int32", "string"),
    ):
        column = pa.array(["before", *texts], type=kind)[1:]
        assert model.logits(column).tobytes() == expected
    chunks = pa.chunked_array([pa.array(texts[:2], pa.string()), pa.array(texts[2:], pa.string())])
    assert model.logits(chunks).tobytes() == expected


@needs_library
@given(plain_models(), TEXTS, st.data())
def test_the_strongest_span_is_that_of_the_explanation(model, texts, data):
    chosen = [data.draw(st.integers(0, len(model.categories) - 1)) for _ in texts]
    found = model.kernel.strongest_spans(texts, chosen)
    explained = explain_texts(model, texts, [[model.categories[c]] for c in chosen])
    for span, category, explanations in zip(found, chosen, explained, strict=True):
        spans = explanations[model.categories[category]].spans
        assert span == ((spans[0].start, spans[0].end) if spans else (-1, -1))


@needs_library
def test_the_shipped_model_gives_the_numbers_of_numpy_on_all_authored_posts():
    model, texts = postrisk.load(), [example.text for _, example in authored()]
    texts += ["".join(texts[start : start + 30]) for start in range(0, 3000, 30)]
    _, languages, logits = by_numpy(model, texts)
    found, told = model.read(texts)
    assert found.tobytes() == logits.tobytes()
    np.testing.assert_array_equal(told, languages)


@needs_library
@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_sums_of_very_long_texts_do_not_overflow(seed, whole):
    windowing = Windowing(widths=(128,), whole=whole)
    model = strategies.make_model(seed, Hashing(bits=8), extreme=True)
    model = RiskModel(**(vars(model) | {"windowing": windowing}))
    text = "kill you 打死 " * 110_000
    best, _, _ = by_numpy(model, [text])
    sums, counts = model.kernel.sum_windows(Utf8.of_list([text]))
    np.testing.assert_array_equal(sums, best.sums)
    np.testing.assert_array_equal(counts, best.counts)


@needs_library
def test_every_code_point_folds_as_the_table_says():
    model = strategies.make_model(3, Hashing(char_orders=(1, 2), bits=12))
    texts = [f"a{chr(code)}b" for code in range(0x110000)]
    for start in range(0, len(texts), 1 << 16):
        part = texts[start : start + (1 << 16)]
        best, languages, _ = by_numpy(model, part)
        sums, counts = model.kernel.sum_windows(Utf8.of_list(part))
        np.testing.assert_array_equal(sums, best.sums)
        np.testing.assert_array_equal(counts, best.counts)
        np.testing.assert_array_equal(model.read(part)[1], languages)


@needs_library
@given(st.lists(st.binary(max_size=12), max_size=6))
def test_bytes_that_are_no_text_are_read_without_harm(parts):
    model = strategies.make_model(1)
    data = np.frombuffer(b"".join(parts), dtype=np.uint8)
    logits, _ = model.kernel.score(Utf8(data, np.cumsum([0, *map(len, parts)]), None))
    for row, part in enumerate(parts):
        one = Utf8(np.frombuffer(part, np.uint8), np.array([0, len(part)]), None)
        assert model.kernel.score(one)[0][0].tobytes() == logits[row].tobytes()


@needs_library
@given(plain_models(), strategies.texts(max_pieces=12))
def test_one_text_scores_as_in_a_batch(model, text):
    logits, language = model.kernel.score_one(text)
    together, languages = model.read([text])
    assert np.array(logits).tobytes() == together[0].tobytes()
    assert language == languages[0]


def test_span_classes_told_all_at_once_are_those_told_one_by_one():
    found = native._all_span_classes()
    assert found.tolist() == [native._span_class(chr(code)) for code in range(native.SPAN_CODES)]
    beyond = map(chr, range(native.SPAN_CODES, 0x110000))
    assert not any(char.isalnum() or char.isspace() for char in beyond)


def test_a_pickled_model_leaves_the_kernel_behind():
    model = postrisk.load()
    before = model.predict_proba(["打死你"])
    copied = pickle.loads(pickle.dumps(model))  # noqa: S301
    assert "kernel" not in vars(copied)
    assert copied.predict_proba(["打死你"]).tobytes() == before.tobytes()


@pytest.mark.parametrize("found", ["absent", "another version", "no library"])
def test_without_a_library_that_fits_numpy_does_it(found, monkeypatch, tmp_path):
    source = tmp_path / "native.py"
    source.touch()
    (tmp_path / "_kernel").mkdir()
    if found == "no library":
        (tmp_path / "_kernel" / "kernel.so").write_bytes(b"not a library")
    elif found == "another version":
        if native.library() is None:
            pytest.skip("the kernel was not compiled")
        (tmp_path / "_kernel" / "kernel.so").write_bytes(
            (Path(native.__file__).with_name("_kernel") / "kernel.so").read_bytes()
        )
        monkeypatch.setattr(native, "_ABI", -1)
    monkeypatch.setattr(native, "__file__", str(source))
    assert native.library.__wrapped__() is None


def test_the_environment_can_ask_for_numpy():
    code = "import postrisk; m = postrisk.load(); print(m.kernel, m.predict_proba(['x']).sum())"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"POSTRISK_KERNEL": "numpy", "PYTHONPATH": str(Path(native.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["None", str(postrisk.load().predict_proba(["x"]).sum())]
