"""Links of pages: where they lead, and what never becomes one."""

import pytest

from taskhouse.pages import links


def test_a_task_is_linked_at_its_run() -> None:
    assert links.task("https://eu.posthog.com/", 7, "a1", "b2") == "https://eu.posthog.com/project/7/tasks/a1?runId=b2"
    assert links.task("http://127.0.0.1:8010", 7, "a/1") == "http://127.0.0.1:8010/project/7/tasks/a%2F1"
    assert links.task(None, 7, "a1") is None


@pytest.mark.parametrize(
    ("name", "leads"),
    [
        ("acme/shop", "https://github.com/acme/shop"),
        ('acme/"><script>', "https://github.com/acme/%22%3E%3Cscript%3E"),
        ("acme", None),
        ("acme/../evil", None),
        ("acme/..", None),
        ("", None),
        (None, None),
    ],
)
def test_a_repository_is_linked_by_its_two_names(name: str | None, leads: str | None) -> None:
    assert links.repository(name) == leads


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "https://me:secret@host/x", "//host", "http://[x", "", None]
)
def test_an_address_that_is_none_of_the_web_is_no_link(address: str | None) -> None:
    assert links.safe(address) is None


def test_an_address_of_the_web_stays_as_it_is() -> None:
    assert links.safe("https://github.com/acme/shop/pull/1") == "https://github.com/acme/shop/pull/1"
