"""The teaching page: type a post, see what the model makes of it and why, on this computer."""

from postrisk.lab.server import LabServer as LabServer
from postrisk.lab.server import serve as serve

__all__ = ["LabServer", "serve"]
