"""postrisk: how risky a post looks, which characters say so, and whether a person should look.

>>> import postrisk
>>> assessment = postrisk.score("Doctors hide it: an onion in your sock cures the flu!!")
>>> sorted(assessment.scores)
['pornography', 'rumor', 'terrorism', 'violence']

Importing the package loads no model and no scikit-learn; each name below is imported when it is
first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from postrisk._version import __version__ as __version__

if TYPE_CHECKING:
    from postrisk.counts import Count as Count
    from postrisk.cutoffs import Band as Band
    from postrisk.errors import PostriskError as PostriskError
    from postrisk.explanation import Explanation as Explanation
    from postrisk.model import RiskModel as RiskModel
    from postrisk.post import Account as Account
    from postrisk.post import Category as Category
    from postrisk.post import Post as Post
    from postrisk.post import Reach as Reach
    from postrisk.rules import Rulebook as Rulebook
    from postrisk.scorer import Assessment as Assessment
    from postrisk.scorer import Scorer as Scorer
    from postrisk.scorer import explain as explain
    from postrisk.scorer import score as score
    from postrisk.store import load as load
    from postrisk.training import RiskClassifier as RiskClassifier

_HOMES = {
    "Account": "post",
    "Assessment": "scorer",
    "Band": "cutoffs",
    "Category": "post",
    "Count": "counts",
    "Explanation": "explanation",
    "Post": "post",
    "PostriskError": "errors",
    "Reach": "post",
    "RiskClassifier": "training",
    "RiskModel": "model",
    "Rulebook": "rules",
    "Scorer": "scorer",
    "explain": "scorer",
    "load": "store",
    "score": "scorer",
}

__all__ = [
    "Account",
    "Assessment",
    "Band",
    "Category",
    "Count",
    "Explanation",
    "Post",
    "PostriskError",
    "Reach",
    "RiskClassifier",
    "RiskModel",
    "Rulebook",
    "Scorer",
    "__version__",
    "explain",
    "load",
    "score",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'postrisk' has no attribute {name!r}")
    value = getattr(import_module(f"postrisk.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
