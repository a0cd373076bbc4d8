"""The codes of verdicts and gaps: one for every case, and each of them is explained to operators."""

import asyncio
from pathlib import Path

import pytest

from taskhouse.errors import AccessDenied, Contract, Full, Locked, NoProject, Refused, Retryable, Throttled
from taskhouse.passes.judgement import Judgement
from taskhouse.passes.lifecycle import _why
from taskhouse.passes.verdict import REASON_CODES, Proof
from taskhouse.warehouse import gaps

DOCS = Path(__file__).parents[2] / "docs"


def test_a_verdict_has_the_code_of_its_most_serious_doubt_and_all_reasons() -> None:
    judgement = Judgement()
    judgement.doubt("unfinished", "3 are still to be read")
    judgement.doubt("refused", "2 were refused", about="refusals")
    judgement.doubt("moved", "the list changed")
    assert not judgement.complete("all came", Proof("listed", None))
    assert (judgement.code, judgement.reason) == (
        "refused",
        "3 are still to be read; 2 were refused; the list changed",
    )
    judgement.settle("refusals")
    assert judgement.doubted().code == "moved"
    judgement.doubts.clear()
    assert judgement.complete("all came", Proof("listed", None))
    assert judgement.code is None


def test_a_verdict_that_is_claimed_again_says_its_notes_once() -> None:
    judgement = Judgement()
    judgement.note("2 were skipped")
    for _ in range(2):
        assert judgement.complete(judgement.claim, Proof("listed", None))
    assert judgement.reason == "the pass did not finish; 2 were skipped"


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (AccessDenied("403"), "refused"),
        (Refused("403"), "refused"),
        (NoProject("404"), "not_found"),
        (Retryable("502"), "no_answer"),
        (Throttled("429", retry_after_s=60), "no_answer"),
        (Contract("no JSON"), "no_answer"),
        (Locked("locked"), "failed"),
        (Full("full"), "failed"),
        (ExceptionGroup("several", [Retryable("502")]), "no_answer"),
        (asyncio.CancelledError(), "interrupted"),
        (KeyError("id"), "failed"),
    ],
)
def test_an_error_that_ends_a_pass_has_a_code(problem: BaseException, code: str) -> None:
    assert _why(problem).code == code


@pytest.mark.parametrize(("page", "codes"), [("runbook.md", REASON_CODES), ("capture.md", gaps.KINDS)])
def test_every_code_is_explained(page: str, codes: tuple[str, ...]) -> None:
    text = (DOCS / page).read_text()
    assert [code for code in codes if f"`{code}`" not in text] == []
