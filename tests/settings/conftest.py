"""An environment without settings, in a folder without a ``.env``."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskhouse import settings


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.upper().startswith(("POSTHOG_", "TASKHOUSE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings.load.cache_clear()
    yield
    settings.load.cache_clear()
