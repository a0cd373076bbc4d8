"""What every test of the client needs: an emptied environment, settings for a server, and instant waits."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from taskhouse.posthog import retry
from taskhouse.settings import Settings

KEY = "phx_0123456789secret"

MakeSettings = Callable[..., Settings]


@pytest.fixture(autouse=True)
def _no_waiting_and_no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with retry.instant():
        yield


@pytest.fixture
def settings(tmp_path: Path) -> MakeSettings:
    """Settings for a host, with a key and a home of their own."""

    def make(host: str, **values: object) -> Settings:
        given = {"api_key": KEY, "home": tmp_path, "requests_per_hour": 0, **values}
        return Settings(host=host, _env_file=None, **given)  # type: ignore[arg-type]

    return make
