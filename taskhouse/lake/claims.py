"""Which shard publishes which project: a project of the lake belongs to one shard, or its rows would be there twice."""

from collections.abc import Collection

from taskhouse.errors import ConfigurationError
from taskhouse.lake.catalogue import Catalogue
from taskhouse.warehouse import sql


def claim(catalogue: Catalogue, shard: str, projects: Collection[int], *, copied: Collection[int]) -> None:
    """Have projects as those of a shard.

    Args:
        catalogue: The catalogue of the lake.
        shard: The name of the shard.
        projects: All its projects.
        copied: Those that its published copy has anything of.

    Raises:
        ConfigurationError: Another shard has one of them.
    """
    _refuse(catalogue, shard, projects, copied)
    if projects:
        rows = ", ".join(f"({project:d}, {sql.literal(shard)})" for project in sorted(projects))
        catalogue.run(sql.query("lake_catalogue/take").format(rows=rows))
        _refuse(catalogue, shard, projects, copied)  # another one may have been faster


def give_up(catalogue: Catalogue, shard: str, *, but: Collection[int] = ()) -> None:
    """Leave all projects of a shard to others, except some."""
    text = sql.query("lake_catalogue/give_up")
    catalogue.run(text.format(shard=sql.literal(shard), ids=_listed(but)))


def _refuse(catalogue: Catalogue, shard: str, projects: Collection[int], copied: Collection[int]) -> None:
    text = sql.query("lake_catalogue/taken").format(shard=sql.literal(shard), ids=_listed(projects))
    taken = catalogue.ask(text)
    if not taken:
        return
    other = taken[0][1]
    ids = [int(project) for project, each in taken if each == other]
    named = ", ".join(map(str, ids))
    retire = f"if shard {other} is no longer needed, stop its publisher and run `taskhouse lake drop {other}`"
    hint = f"Remove {named} from POSTHOG_PROJECT_IDS of shard {shard}; or, {retire}."
    if set(ids) & set(copied):
        hint = (
            f"This home has rows of {named}. Start shard {shard} without {named} in a new TASKHOUSE_HOME; or, {retire}."
        )
    raise ConfigurationError(
        f"Shard {shard} cannot publish {'project' if len(ids) == 1 else 'projects'} {named}: shard {other} does.",
        hint=hint,
    )


def _listed(ids: Collection[int]) -> str:
    return ", ".join(f"{each:d}" for each in sorted(ids)) or "-1"
