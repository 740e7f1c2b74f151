"""The front door, the layers, the docstrings, and where the shipped files are found."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import postrisk

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(postrisk.__file__).parent
MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages([str(PACKAGE)], "postrisk.")
    if not name.endswith("__main__")
)


def imported_by(code):
    program = f"import sys\n{code}\nprint(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_front_door_equals_all():
    assert sorted(postrisk.__all__) == postrisk.__all__
    for name in postrisk.__all__:
        assert getattr(postrisk, name) is not None
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    typed = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert typed == set(postrisk.__all__)
    assert len(postrisk.__all__) <= 20


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'politics'"):
        postrisk.politics  # noqa: B018


def test_importing_loads_neither_numpy_nor_scikit_learn():
    assert not imported_by("import postrisk") & {"numpy", "sklearn", "scipy", "pydantic", "pyarrow"}


def test_scoring_and_explaining_load_no_scikit_learn():
    code = "import postrisk\npostrisk.score('soup')\npostrisk.explain('soup')"
    assert not imported_by(code) & {"sklearn", "scipy", "pyarrow", "typer", "joblib"}


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    if name.startswith(("postrisk.spark", "postrisk.plots")):
        pytest.importorskip({"postrisk.spark": "pyspark", "postrisk.plots": "matplotlib"}[name])
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


def test_modules_and_functions_stay_small():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= 350, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and path.name != "cli.py":
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = node.end_lineno - body[0].lineno + 1 if body else 0
                assert lines <= 50, (path, node.name)


def test_no_category_and_no_recommendation_is_political_or_a_verdict():
    assert [c.value for c in postrisk.Category] == ["rumor", "violence", "terrorism", "pornography"]
    from postrisk.rules import Recommendation

    assert [r.value for r in Recommendation] == ["none", "review", "review_first"]


def build_wheel(folder, **environment):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    changed = {**os.environ, **environment}
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=changed)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


KERNEL = "postrisk/_kernel/kernel.so"


@pytest.mark.parametrize("environment", [{"PATH": "", "CC": ""}, {"POSTRISK_PURE": "1"}])
def test_a_wheel_needs_no_compiler(environment, tmp_path):
    built = build_wheel(tmp_path, **environment)
    assert built.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(built) as file:
        assert KERNEL not in file.namelist()


def test_a_compiler_that_fails_leaves_a_wheel_without_the_kernel(tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    built = build_wheel(tmp_path, PATH=str(tmp_path), CC=str(broken))
    assert built.name.endswith("-py3-none-any.whl")


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_a_wheel_built_with_a_compiler_has_the_kernel(wheel, tmp_path):
    assert not wheel.name.endswith("-any.whl")
    with zipfile.ZipFile(wheel) as file:
        assert file.namelist().count(KERNEL) == 1
        file.extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from postrisk import native; print(native.__file__, native.library() is not None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    file, is_there = done.stdout.split()
    assert Path(file).is_relative_to(tmp_path)
    assert is_there == "True"


PROGRAM = (
    "import postrisk\n"
    "from postrisk.assets import asset\n"
    "print(postrisk.load().name, asset('datasets', 'sample', 'posts.csv').is_file())\n"
    "print(postrisk.__file__)\n"
)


def where_found(folder, tmp_path):
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{PROGRAM}"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    found, file = done.stdout.splitlines()
    assert Path(file).is_relative_to(folder)
    return found


def test_the_shipped_files_are_found_from_a_wheel(wheel, tmp_path):
    unpacked = tmp_path / "site"
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        file.extractall(unpacked)
    assert where_found(unpacked, tmp_path) == "postrisk-base True"
    assert not [name for name in names if name.startswith(("tests/", "models/", "datasets/"))]


def test_the_shipped_files_are_found_from_a_checkout(tmp_path):
    assert where_found(ROOT / "src", tmp_path) == "postrisk-base True"


def test_the_shipped_files_are_found_from_an_editable_install(tmp_path):
    site = tmp_path / "site"
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
        "--disable-pip-version-check", "--target", str(site), "--editable", str(ROOT),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    program = f"import site, sys; site.addsitedir({str(site)!r})\nsys.path.reverse()\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    found, file = done.stdout.splitlines()
    assert found == "postrisk-base True"
    assert Path(file).is_relative_to(ROOT / "src")
