"""What loading a model and scoring with it import, since imports are most of what both take.

``python -X importtime -c "import postrisk; postrisk.load()"`` shows what each of them costs.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADS = "import postrisk\nmodel = postrisk.load()"
SCORES = f"{LOADS}\nmodel.predict_proba(['soup'])"
# What a stored model has no use for: training, tables, pictures, a terminal, schemas, archives.
HEAVY = {
    "pydantic", "pydantic_core", "zipfile", "email",
    "sklearn", "scipy", "joblib", "pandas", "pyarrow", "matplotlib", "jinja2", "rich", "typer",
    "click", "asyncio", "multiprocessing", "http", "tomllib",
}  # fmt: skip
ABOVE = {
    f"postrisk.{room}"
    for room in ("scorer", "rules", "explanation", "bands", "training", "tables", "rows", "cli")
}


def loaded_by(program):
    """Give the modules that a fresh interpreter has after a program and not before it."""
    program = f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*set(sys.modules) - before)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("program", [LOADS, SCORES])
def test_a_model_loads_and_scores_without_what_it_has_no_use_for(program):
    loaded = loaded_by(program)
    assert {"numpy", "postrisk.store", "postrisk.model"} <= loaded
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert not loaded & ABOVE


def test_the_front_door_alone_imports_one_module():
    assert {name for name in loaded_by("import postrisk") if name.startswith("postrisk")} == {
        "postrisk",
        "postrisk._version",
    }


def test_the_check_sees_what_is_imported():
    assert {"tomllib", "postrisk.rules"} <= loaded_by("from postrisk import Rulebook")


def test_scoring_a_file_loads_no_pandas(tmp_path):
    (tmp_path / "in.csv").write_text("id,text,reposts,posted_at\n1,kill you,12,2014-06-12\n")
    code = (
        "import postrisk; from postrisk.tables import score_table; "
        f"score_table(postrisk.Scorer(), {str(tmp_path / 'in.csv')!r}, {str(tmp_path / 'o')!r})"
    )
    assert not loaded_by(code) & {"pandas", "sklearn", "scipy"}
