"""Nouns as people read them after a number."""


def plural(count: int, one: str, many: str | None = None) -> str:
    """The word for a number of things."""
    return one if count == 1 else many or f"{one}s"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and the word for it: ``1 backup``, ``1,200 backups``."""
    return f"{count:,} {plural(count, one, many)}"
