"""The published copy as a resource for your own assets: tables and views as pandas frames, without a key."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from taskhouse.errors import ConfigurationError
from taskhouse.pipelines.wording import Wording
from taskhouse.variables import variable

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    import pandas as pd

    from taskhouse.reading import Snapshot

SYNC = "`taskhouse sync`"
"""What publishes a copy on the command line."""


class TaskhouseTables(dg.ConfigurableResource["TaskhouseTables"]):
    """Reads what taskhouse published last, even while a sync is writing. It sends no requests and needs no API key.

    Each call reads the newest copy. To read several tables of the same moment, use one :meth:`snapshot`.
    """

    home: str = Field(description="The home of a taskhouse: the folder that holds all of its state.")
    published: str = Field(default="published", description="The asset that makes the copy, for errors.")

    def frame(
        self,
        view: str,
        *,
        since: "date | str | None" = None,
        until: "date | str | None" = None,
        columns: "Collection[str] | None" = None,
        **filters: object,
    ) -> "pd.DataFrame":
        """Rows of a view, or of a table such as ``ledger.passes``; the arguments are those of ``Snapshot.frame``.

        Raises:
            ConfigurationError: Nothing was published yet, there is no such view or column, or a moment cannot be read.
        """
        with self.snapshot() as snapshot:
            return snapshot.frame(view, since=since, until=until, columns=columns, **filters)

    def sql(self, text: str, **parameters: object) -> "pd.DataFrame":
        """The rows of one statement; ``$name`` in it takes the parameter of that name.

        Raises:
            ConfigurationError: Nothing was published yet, or the statement is not valid or would write.
        """
        with self.snapshot() as snapshot:
            return snapshot.sql(text, **parameters)

    def snapshot(self) -> "Snapshot":
        """The newest copy, open for reading until its ``with`` block ends.

        Raises:
            ConfigurationError: Nothing was published yet.
        """
        from taskhouse.reading import open_snapshot
        from taskhouse.warehouse.publish import current

        folder = Path(self.home) / "published"
        try:
            snapshot = open_snapshot(folder)
        except ConfigurationError as problem:
            if current(folder) is not None:
                raise
            raise ConfigurationError(
                problem.message,
                hint=f"Materialize the asset `{self.published}` first, and check the `home` of this resource.",
            ) from None
        snapshot.reword = self._reworded
        return snapshot

    def _reworded(self, hint: str) -> str:
        """A hint that names the asset that makes the copy, and says what other commands need."""
        words = Wording({}, f"{variable('home')}={shlex.quote(self.home)}")
        return words.reworded(hint.replace(SYNC, f"materializing the asset `{self.published}`"))
