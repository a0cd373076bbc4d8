"""Repositories: one request a pass, kept as sightings."""

from taskhouse.posthog.budget import Priority
from taskhouse.sync.passes import Context, Report, previous_viewer, running
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import Batch

RESOURCE = "repositories"


async def sync(context: Context) -> Report:
    """One pass over the repositories that the project's tasks name.

    Raises:
        TaskhouseError: The server or the warehouse failed.
    """
    async with running(context, RESOURCE, identify=True) as this:
        before = previous_viewer(context, RESOURCE)
        found = await this.api(Priority.HOT).repositories()
        batch = Batch()
        this.page(batch, "repositories", found.names, found.body_sha256, len(found.names))
        for text in found.bad:
            this.quarantine(batch, RESOURCE, text, "not a repository name", pointer="/repositories")
        batch.seen[RESOURCE] = [this.sighting(name) for name in dict.fromkeys(found.names)]
        held = [row["repository"] for row in context.read(state.records, RESOURCE, project_id=context.project_id)]
        gone = sorted(set(held) - set(found.names))
        if before not in {None, this.viewer} and not context.settings.accept_viewer:
            this.doubt(f"this key sees the project as {this.viewer}, the history so far as {before}")
        elif not found.bad:
            batch.absent[RESOURCE] = [this.sighting(name) for name in gone]
            this.absent = len(gone)
        await this.commit(batch)
        this.server_count = this.server_count_end = len(found.names)
        this.tell(len(found.names), len(found.names), "repositories")
        this.complete(f"all {len(found.names)} repositories that the server names are present")
    return this.report()
