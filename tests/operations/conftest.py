"""An emulator and a home for each test."""

from tests.house import make_house, short_looks

__all__ = ["make_house", "short_looks"]
