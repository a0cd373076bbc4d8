"""Stream tokens: where they may be sent, and how long they are kept."""

import base64
import json

import pytest

from taskhouse.clock import Clock
from taskhouse.errors import Contract
from taskhouse.posthog import tokens
from taskhouse.posthog.tokens import LIFE_S, StreamToken, Tokens


def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


class Moved(Clock):
    """A clock that a test moves."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://agent-proxy.eu.posthog.com", "https://agent-proxy.eu.posthog.com/v1/runs/r/stream?resync=1"),
        ("https://proxy.example:8443/at/", "https://proxy.example:8443/at/v1/runs/r/stream?resync=1"),
        ("http://127.0.0.1:8010/agent-proxy", "http://127.0.0.1:8010/agent-proxy/v1/runs/r/stream?resync=1"),
        ("http://localhost:8010", "http://localhost:8010/v1/runs/r/stream?resync=1"),
        ("http://proxy.example", None),
        ("http://localhost.example", None),
        ("http://127.0.0.1@proxy.example", None),
        ("https://user:word@proxy.example", None),
        ("https://proxy.example?x=", None),
        ("https://proxy.example#x", None),
        ("https://proxy.example:0", None),
        ("https://proxy.example:99999", None),
        ("ftp://proxy.example", None),
        ("//proxy.example", None),
        ("proxy.example", None),
        ("https://", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_a_token_goes_over_https_or_to_this_machine(base: str, url: str | None) -> None:
    assert StreamToken("t", base).url("r") == url


def test_a_run_id_cannot_climb_out_of_its_segment() -> None:
    assert StreamToken("t", "https://p.example").url("../x?y") == "https://p.example/v1/runs/..%2Fx%3Fy/stream?resync=1"


@pytest.mark.parametrize("value", ["", "a b", "a\nb", "tökén"])
def test_a_token_that_is_no_header_is_not_sent(value: str) -> None:
    assert StreamToken(value, "https://p.example").url("r") is None


@pytest.mark.parametrize(
    "data", [{}, {"token": 5, "stream_base_url": None}, {"token": "t", "stream_base_url": 5}, {"token": None}]
)
def test_another_shape_is_a_broken_contract(data: dict[str, object]) -> None:
    with pytest.raises(Contract, match="holds no stream token"):
        StreamToken.read(data, "GET /stream_token/")


def test_no_url_and_an_empty_one_mean_the_same() -> None:
    for data in ({"token": "t"}, {"token": "t", "stream_base_url": None}, {"token": "t", "stream_base_url": ""}):
        assert StreamToken.read(data, "").base_url is None


def test_its_repr_does_not_show_it() -> None:
    assert "secret" not in repr(StreamToken("secret", None))


@pytest.mark.parametrize(
    ("value", "life_s"),
    [
        (jwt(iat=1000, exp=4600), 3600),
        (jwt(exp=4600), LIFE_S),
        (jwt(iat=4600, exp=4600), LIFE_S),
        (jwt(iat="x", exp=4600), LIFE_S),
        ("opaque", LIFE_S),
        ("a.b.c", LIFE_S),
        ("a.W10.c", LIFE_S),
    ],
)
def test_how_long_it_lives_by_its_own_claims(value: str, life_s: float) -> None:
    assert StreamToken(value, None).life_s() == life_s


def test_it_is_kept_until_shortly_before_its_end_whatever_the_clocks_say() -> None:
    clock = Moved()
    kept = Tokens(clock)
    token = StreamToken(jwt(iat=9_000_000_000, exp=9_000_003_600), "https://p.example")
    assert kept.get("r") is None
    kept.keep("r", token)
    clock.seconds = 3569.0
    assert kept.get("r") == token
    clock.seconds = 3570.0
    assert kept.get("r") is None
    assert len(kept) == 0


def test_a_refused_one_is_dropped_and_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_TOKENS", 2)
    kept = Tokens(Moved())
    for run in ("a", "b", "c"):
        kept.keep(run, StreamToken(run, None))
    assert [kept.get(run) is not None for run in ("a", "b", "c")] == [False, True, True]
    kept.drop("b")
    kept.drop("b")
    assert kept.get("b") is None
