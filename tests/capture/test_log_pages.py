"""Pages of a log belong together only if each begins with what the one before it ended with."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.capture.log_pages import LogPages
from taskhouse.posthog.pages import LogPage

MOMENT = datetime(2026, 9, 14, tzinfo=UTC)


class Server:
    """A log that serves a given number of entries a page, and after the first page is another one."""

    def __init__(self, *logs: list[bytes], page: int = 3) -> None:
        self.logs, self.page, self.offsets = list(logs), page, list[int]()

    async def session_logs(self, _task: str, _run: str, *, limit: int, offset: int) -> LogPage:
        log = self.logs.pop(0) if len(self.logs) > 1 else self.logs[0]
        self.offsets.append(offset)
        end = offset + min(limit, self.page)
        return LogPage(log[offset:end], len(log), end < len(log), "")


def read(server: Any) -> tuple[list[bytes], LogPages, bool]:
    async def all_pages() -> tuple[list[bytes], LogPages, bool]:
        pages = LogPages(server, CaptureRun("task", "run", None, 0, (), MOMENT, MOMENT), "full")
        window = await pages.at(0)
        entries, sound = list(window.entries), window.sound
        while not window.ends:
            window = await pages.at(window.end)
            entries += window.entries
            sound = sound and window.sound
        return entries, pages, sound

    return asyncio.run(all_pages())


LOG = [b'{"n":%d}' % number for number in range(8)]


@pytest.mark.parametrize("page", [2, 3, 7, 8])
def test_a_log_that_stands_still_is_read_whole_however_long_its_pages_are(page: int) -> None:
    server = Server(LOG, page=page)
    entries, pages, sound = read(server)
    assert (entries, pages.faults, sound) == (LOG, [], True)
    assert server.offsets == sorted(server.offsets)


def test_a_page_of_one_entry_brings_the_next_one_without_being_joined() -> None:
    entries, pages, sound = read(Server(LOG, page=1))
    assert (entries, pages.faults, sound) == (LOG, [], True)


def test_a_log_that_loses_its_first_entry_and_gains_one_between_two_pages_is_not_taken_for_whole() -> None:
    moved = [*LOG[1:], b'{"n":8}']
    _, pages, sound = read(Server(LOG, moved))
    assert not sound
    assert pages.faults == ["does not repeat the last entry of its previous page"]
    assert not pages.moved(), "the count alone does not show it"
