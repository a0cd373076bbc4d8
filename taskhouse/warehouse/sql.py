"""SQL lives in ``.sql`` files, one statement each; this reads them."""

import functools
import importlib.resources


@functools.cache
def statement(package: str, path: str) -> str:
    """The text of ``path``, given without ``.sql``, below a package."""
    return importlib.resources.files(package).joinpath(f"{path}.sql").read_text(encoding="utf-8")


def warehouse(path: str) -> str:
    """A statement of the warehouse's own: ``statements/<path>.sql``."""
    return statement("taskhouse.warehouse", f"statements/{path}")
