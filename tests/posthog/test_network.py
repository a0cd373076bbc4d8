"""A proxy or certificates of the environment that cannot be used are named, with what mends it, and never shown."""

from pathlib import Path

import pytest

from taskhouse.errors import ConfigurationError
from taskhouse.posthog.client import PostHog
from tests.posthog.conftest import MakeSettings


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ALL_PROXY", "socks5://me:word@127.0.0.1:1", "socksio"),
        ("HTTPS_PROXY", "notaurl:word", "no URL"),
        ("HTTPS_PROXY", "http://me:word@proxy:xx", "no URL"),
        ("https_proxy", "ftp://me:word@proxy", "no URL"),
    ],
)
def test_a_proxy_that_cannot_be_used(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"The proxy in {variable} cannot be used: .*{says}") as problem:
        PostHog(settings("https://posthog.example.com"))
    assert "unset it" in problem.value.hint
    assert "word" not in str(problem.value)
    PostHog(settings("http://127.0.0.1:9"))


def test_certificates_that_cannot_be_read(
    settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate", "utf-8")
    for path in (tmp_path / "none.pem", wrong):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(ConfigurationError, match="The certificates in SSL_CERT_FILE cannot be read: ") as problem:
            PostHog(settings("https://posthog.example.com"))
        assert "unset it" in problem.value.hint
