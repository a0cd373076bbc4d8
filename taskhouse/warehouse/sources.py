"""What the tables and views of one generation are made of, and fingerprints that tell whether that changed."""

import graphlib
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

import duckdb

from taskhouse.warehouse import sql
from taskhouse.warehouse.parquet import PART_OF_ALL, Part
from taskhouse.warehouse.reading import Reader

_NAMED, _WORD = re.compile(r"\b\w+\.\w+"), re.compile(r"\w+|\S")

Fingerprints = Mapping[Part, str]
"""A text for each part of a table; it changes if the rows do."""


class Sources:
    """The definitions of a generation's views and macros, and the tables below them, as its catalog has them.

    A part of a view is made of its definition and of the same part of what it reads: every view compares projects by
    equality. No view reads the clock.

    Args:
        reader: The generation.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        rows = reader.records(sql.query("catalog/columns_of_every_schema"))
        # What mart stores is made of raw, as the views of waiting are.
        self._columns: dict[str, list[str]] = {
            row["name"]: row["columns"] for row in rows if not row["name"].startswith("mart.")
        }
        texts = {
            _qualified(row["name"].removesuffix("()")): str(row["definition"])
            for row in reader.records(sql.query("catalog/view_definitions"))
        }
        names = self._columns.keys() | texts.keys()
        self._reads = {name: tuple(sorted({*_NAMED.findall(text)} & names - {name})) for name, text in texts.items()}
        hashes = {
            f"main.{row['name'].removeprefix('macros/')}": row["sha256"]
            for row in reader.records(sql.query("ledger/views_held"))
        }
        # DuckDB writes some lists in another order each time, so the words of its text are sorted.
        self._definitions = {
            name: " ".join([hashes.get(name, ""), *sorted(_WORD.findall(text))]) for name, text in texts.items()
        }
        self._tables: dict[str, Fingerprints] = {}

    def order(self, names: Collection[str]) -> list[str]:
        """Tables and views so that each comes after what it is made of."""
        graph = {name: [each for each in self.below(name) if each in names] for name in names}
        return list(graphlib.TopologicalSorter(graph).static_order())

    def below(self, name: str, stop: Collection[str] = ()) -> list[str]:
        """The views, macros and tables that a view is made of, without what is below those of ``stop``."""
        names: dict[str, None] = {}
        queue = list(self._reads.get(name, ()))
        while queue:
            each = queue.pop()
            if each not in names:
                names[each] = None
                queue += () if each in stop else self._reads.get(each, ())
        return sorted(names)

    def parts(self, name: str) -> list[Part]:
        """A part for each project that the tables below a view have rows of, in order; or all of it, as one part."""
        if "project_id" not in self._columns[name]:
            return [PART_OF_ALL]
        parts = {part for table in self._below(name) for part in self._rows(table)} - {PART_OF_ALL}
        return sorted(parts, key=lambda part: (part.project_id is None, part.project_id)) or [PART_OF_ALL]

    def fingerprint(self, name: str, part: Part, written: Mapping[str, Fingerprints]) -> str:
        """A text that changes if the rows of this part can have changed, or the DuckDB that computes them.

        Args:
            name: A table or view.
            part: Its part.
            written: Fingerprints of views whose rows are known; what is below them does not matter.
        """
        lines = [duckdb.__version__, self._definitions.get(name, "")]
        for each in self.below(name, written) or [name]:
            if each in written:
                lines += [each, *_matching(written[each], part)]
            elif each in self._definitions:
                lines += [each, self._definitions[each]]
            else:
                lines += [each, *_matching(self._rows(each), part)]
        return hashlib.sha256("\0".join(lines).encode()).hexdigest()

    def _below(self, name: str) -> Iterator[str]:
        yield from (each for each in self.below(name) or [name] if each not in self._definitions)

    def _rows(self, table: str) -> Fingerprints:
        """Fingerprints of a table: the sum of a hash of 64 bits of each row, in any order.

        A payload is known by its SHA-256. One that was captured is known by the other columns, since such a row never
        changes.
        """
        if table not in self._tables:
            names = self._columns[table]
            is_known = {"payload_sha256", "segment"} & {*names}
            sums = self._sums(table, [name for name in names if name != "payload" or not is_known])
            if {"payload", "payload_sha256"} <= {*names}:
                unknown = self._sums(table, ["payload"], "payload_sha256 IS NULL")
                sums = {part: f"{text} {unknown.get(part, '')}" for part, text in sums.items()}
            self._tables[table] = sums
        return self._tables[table]

    def _sums(self, table: str, columns: Collection[str], condition: str = "true") -> dict[Part, str]:
        values = ", ".join(f'"{name}"' for name in columns)
        is_divided = "project_id" in self._columns[table]
        rows = self._reader.records(
            f"SELECT {'project_id' if is_divided else 'NULL'} AS project_id, count(*) AS n, sum(hash({values})) AS h"  # noqa: S608 - names of the catalog
            f" FROM {table} WHERE {condition} GROUP BY ALL"
        )
        return {Part(row["project_id"]) if is_divided else PART_OF_ALL: f"{row['n']}-{row['h']}" for row in rows}


def _qualified(name: str) -> str:
    return name if "." in name else f"main.{name}"


def _matching(fingerprints: Fingerprints, part: Part) -> Iterable[str]:
    """Those of the same project, or of every row if either is not divided by project."""
    if part in fingerprints:
        return [fingerprints[part]]
    if part == PART_OF_ALL or PART_OF_ALL in fingerprints:
        return [f"{each.stem}:{text}" for each, text in sorted(fingerprints.items(), key=lambda item: item[0].stem)]
    return ["none"]
