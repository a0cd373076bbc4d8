"""The proof at a pass's end: as many tasks are present as the server counts, and one drawn at random is in its place.

If that fails, a bisection of the list finds the difference, misplaced ids are requested by name, and the proof is tried
again. Only then are tasks marked absent, together with the verdict.
"""

import random
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from taskhouse.passes import absences
from taskhouse.passes.sync_pass import Doubt, Pass, Proof
from taskhouse.plural import counted, plural
from taskhouse.posthog.api import EVERYTHING
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.pages import Page
from taskhouse.resources.tasks import rows, summaries
from taskhouse.resources.tasks.list_diff import PAGE_ROWS, Key, Moved, Search
from taskhouse.resources.tasks.spec import SIGHTINGS
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

PROOF_TRIES = 4
"""How often the proof is tried if the list changes meanwhile."""

FEW_DIFFERENCES = 40
"""How many differences are searched for; if there are more, a sweep is needed."""

NOT_YET = "the list was not read completely yet"


async def prove(the_pass: Pass, absent: AbstractSet[str], rests_on: Proof) -> tuple[Doubt | None, AbstractSet[str]]:
    """Try to prove the pass.

    Args:
        the_pass: The pass; completed here, with its absences, if the proof succeeds.
        absent: Ids that are present here and were proved absent.
        rests_on: What was read of the list, and when.

    Returns:
        None if the pass is complete, else the reason; and the absent ids, with those that were found here.
    """
    doubt = Doubt("moved", "the list kept changing meanwhile")
    gone_quarantined = set(
        await summaries.fetch(the_pass, sorted(_quarantined(the_pass)), priority=Priority.CHANGES, details=0)
    )
    for _ in range(PROOF_TRIES):
        present = rows.present(the_pass)
        if not absences.plausible(the_pass.context, len(absent), len(present)):
            reason = f"{len(absent)} tasks are absent, more than expected at once; {absences.ACCEPT}"
            return Doubt("too_many_absent", reason), absent
        ours = [key for key in present if key[1] not in absent]
        quarantined = _quarantined(the_pass) - gone_quarantined
        search = await _sample(the_pass, ours, len(quarantined))
        if search is None:
            return _complete(the_pass, absent, claim(len(ours), rests_on), rests_on, quarantined), absent
        if isinstance(search, Doubt):
            doubt = search
            continue
        doubt = Doubt("count_differs", _differing(len(ours), search.count))
        try:
            found = abs(search.count - len(ours)) <= FEW_DIFFERENCES and await _halve(the_pass, search)
        except Moved:
            continue
        if not found:
            return doubt, absent
        if not search.unlocated and not search.unexpected:
            continue  # it moved meanwhile
        elsewhere = sorted(search.unlocated - absent)
        absent = absent | {*await summaries.fetch(the_pass, elsewhere, priority=Priority.CHANGES, details=0)}
        if not search.unlocated & absent and not search.unexpected - quarantined:
            break
    return doubt, absent


def _differing(present: int, count: int) -> str:
    """How the list differs from what is present here."""
    if count == present:
        return f"the server counts {count:,} tasks, as many as are present, but not the same, or in other places"
    return f"{counted(present, 'task is', 'tasks are')} present, but the server counts {count:,}"


async def _sample(the_pass: Pass, ours: Sequence[Key], quarantined: int) -> Search | Doubt | None:
    """Read a row at random: None if the lists agree, a search if they differ, a doubt if the row proves nothing."""
    offset = random.randrange(len(ours)) if ours else 0
    page = await the_pass.api(Priority.CHANGES).list_tasks(1, offset, **EVERYTHING)
    the_pass.stats.server_count_end = page.count
    search = Search(ours, page.count)
    if page.count != len(ours) + quarantined:
        return search
    if quarantined or not ours:
        return None
    found = _keys(page)
    if not found:
        return Doubt("no_answer", "a task could not be read")
    if search.agrees(offset, found[0]):
        return None
    search.parted(offset)
    return search


async def _halve(the_pass: Pass, search: Search) -> bool:
    """Read pages until every difference is found; False if there are too many.

    Raises:
        Moved: The list changed meanwhile.
    """
    while (offset := search.offset()) is not None:
        page = await the_pass.api(Priority.CHANGES).list_tasks(PAGE_ROWS, offset, **EVERYTHING)
        batch = WriteBatch()
        rows.take(the_pass, batch, page, "list, searched")
        await the_pass.commit(batch)
        search.feed(offset, _keys(page), page.count)
    return search.found


def claim(present: int, rests_on: Proof) -> str:
    """What a complete pass has proved, and no more."""
    read = f"every page was read at {rests_on.at:%Y-%m-%d %H:%M} UTC or later" if rests_on.at else NOT_YET
    drawn = ", and one drawn at random is in its place" if present else ""
    return f"as many tasks are present as the server counts ({present:,}){drawn}; {read}"


def _complete(
    the_pass: Pass, absent: AbstractSet[str], reason: str, rests_on: Proof, quarantined: set[str]
) -> Doubt | None:
    """Complete the pass with its absences; if a doubt is in the way, that doubt."""
    if quarantined:
        there = plural(len(quarantined), "is", "are")
        only_here = f"{len(quarantined):,} of the tasks that the server counts {there} only in quarantine here"
        the_pass.doubt("quarantined", only_here)
    the_pass.closing.absent[SIGHTINGS] = [the_pass.sighting(task_id) for task_id in sorted(absent)]
    return None if the_pass.complete(reason, rests_on) else the_pass.judgement.doubted()


def _quarantined(the_pass: Pass) -> set[str]:
    records = the_pass.context.read(state.records, "tasks/quarantined", project_id=the_pass.context.project_id)
    return {row["task_id"] for row in records}


def _keys(page: Page) -> list[Key]:
    """The positions of the page's rows; none if a row has no position."""
    keys = [key for row in page.rows if (key := rows.key(row)) is not None]
    return keys if len(keys) == len(page.rows) and not page.bad else []
