"""Repositories: one request a pass, kept as sightings.

The answer has no count and no pages, so a short one cannot be told from a true one; what guards the history is the
viewer, and that a great many absences at once are not believed.
"""

from taskhouse.posthog.budget import Priority
from taskhouse.sync.context import Context
from taskhouse.sync.coverage import Report
from taskhouse.sync.passes import running
from taskhouse.sync.proof import ACCEPT, believed
from taskhouse.sync.viewer import other
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import Batch

RESOURCE = "repositories"


async def sync(context: Context) -> Report:
    """One pass over the repositories that the project's tasks name.

    Raises:
        TaskhouseError: The server or the warehouse failed.
    """
    async with running(context, RESOURCE, identify=True) as this:
        found = await this.api(Priority.HOT).repositories()
        names = list(dict.fromkeys(found.names))
        batch = Batch()
        number = this.page(batch, "repositories", found.names, found.body_sha256, len(found.names))
        this.duplicates = len(found.names) - len(names)
        for text in found.bad:
            this.quarantine(batch, RESOURCE, text, "not a repository name", pointer="/repositories")
        held = [row["repository"] for row in context.read(state.records, RESOURCE, project_id=context.project_id)]
        gone = sorted(set(held) - set(names))
        batch.seen[RESOURCE] = [this.sighting(name, number) for name in names]
        await this.commit(batch)
        this.server_count = this.server_count_end = len(found.names)
        this.tell(len(names), len(names), "repositories")
        if reason := other(context, RESOURCE, this.viewer):
            this.doubt(reason)
        elif not believed(context, len(gone), len(held)):
            this.doubt(f"{len(gone)} repositories are absent, more than is believed at once; {ACCEPT}")
        this.closing.absent[RESOURCE] = [this.sighting(name) for name in gone]
        this.complete(f"all {len(names)} repositories that the server names are present")
    return this.report()
