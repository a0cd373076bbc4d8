"""No payload stops anything: a short seeded share of the long form below ``tests/worlds``, and Hypothesis to shrink."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.everything import Everything, Privacy
from tests.hostile.payloads import payload
from tests.hostile.words import paths, words


def test_the_sql_texts_say_what_to_attack() -> None:
    assert {("event_id",), ("notification", "params", "update", "content", "text"), ("output", "pr_urls", None)} <= set(
        paths()
    )
    assert {"agent_message_chunk", "_posthog/usage_update", "pi_event"} <= set(words())


@pytest.mark.parametrize(
    ("text", "several"),
    [("full", 8), *(pytest.param(text, 60, marks=pytest.mark.worlds) for text in ("full", "none"))],
)
def test_payloads_go_through_everything(tmp_path: Path, text: Privacy, several: int) -> None:
    rng = random.Random(f"a few {text}")
    Everything(tmp_path, rng, text).all([payload(rng) for _ in range(several)])


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    return Everything(tmp_path_factory.mktemp("held"), random.Random(0), "full")


@pytest.mark.worlds
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(st.lists(st.randoms(use_true_random=False).map(payload), min_size=1, max_size=4))
def test_a_few_payloads_break_no_view(held: Everything, payloads: list[str]) -> None:
    held.capture(payloads)
    held.load()
    held.find_gaps()
    held.views()
