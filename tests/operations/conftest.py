"""An emulator and a home for each test."""

from tests.house import make_house, short_looks
from tests.opened import attached

__all__ = ["attached", "make_house", "short_looks"]
