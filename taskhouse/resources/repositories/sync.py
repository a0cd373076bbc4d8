"""Repositories: one request a pass, kept as sightings.

The answer has no count and no pages, so an incomplete one looks like a complete one. The history is protected by the
viewer, and by the limit on absences at once.
"""

from taskhouse.passes import absences, viewer
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.passes.sync_pass import PassReport
from taskhouse.plural import plural
from taskhouse.posthog.budget import Priority
from taskhouse.resources.repositories.spec import SIGHTINGS
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

RESOURCE = "repositories"


async def sync(context: Context) -> PassReport:
    """One pass over the repositories that the project's tasks name.

    Raises:
        TaskhouseError: The server or the warehouse failed.
    """
    async with running(context, RESOURCE, identify=True) as the_pass:
        found = await the_pass.api(Priority.CHANGES).repositories()
        names = list(dict.fromkeys(found.names))
        batch = WriteBatch()
        number = the_pass.page(batch, "repositories", found.names, found.body_sha256, len(found.names))
        the_pass.stats.duplicates = len(found.names) - len(names)
        for text in found.bad:
            the_pass.quarantine(batch, RESOURCE, text, "not a repository name", pointer="/repositories")
        held = context.read(state.present, SIGHTINGS, project_id=context.project_id)
        gone = sorted(set(held) - set(names))
        batch.seen[SIGHTINGS] = [the_pass.sighting(name, number) for name in names]
        await the_pass.commit(batch)
        the_pass.stats.server_count = the_pass.stats.server_count_end = len(found.names)
        the_pass.tell(len(names), len(names), "repositories")
        if doubt := viewer.changed(context, RESOURCE, the_pass.viewer):
            the_pass.doubt(doubt.code, doubt.reason)
        elif not absences.plausible(context, len(gone), len(held)):
            reason = f"{len(gone)} repositories are absent, more than expected at once; {absences.ACCEPT}"
            the_pass.doubt("too_many_absent", reason)
        the_pass.closing.absent[SIGHTINGS] = [the_pass.sighting(name) for name in gone]
        every = plural(len(names), "the one repository", f"all {len(names):,} repositories")
        the_pass.complete(f"{every} that the server lists {plural(len(names), 'is', 'are')} present")
    return the_pass.report()
