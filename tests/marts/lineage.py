"""Which stored columns each column of a view is made of, read from DuckDB's own parse of its text.

A tool for those who change views: it writes ``taskhouse/marts/lineage.json``, and taskhouse reads that.

What a column is computed from counts: arguments, filters, window keys. What only decides which rows there are, as a
join or a WHERE does, is left out.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from taskhouse import marts
from taskhouse.warehouse import migrate, sql, views
from taskhouse.warehouse.engine import connect

Origins = frozenset[tuple[str, str]]
"""Tables or views as ``schema.name``, each with one of its columns."""

Relation = dict[str, Origins]
"""Columns of a table, a view or a part of a statement, in order, with what they are made of."""

Scope = list[tuple[str, Relation]]
"""What can be named in one place, by alias."""

Around = tuple[Scope, ...]
"""What can be named inside a SELECT, the nearest first."""


_TABLE_MACRO = re.compile(rf"\bmain\.(?P<name>{'|'.join(marts.AS_OF)})\((?P<argument>[^()]*)\)")


class ColumnTracer:
    """Reads statements over known tables.

    Args:
        tables: ``schema.name`` to its columns.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        self._tables = tables

    def query(self, node: Any, known: Mapping[str, Relation], around: Around) -> Relation:
        """The columns of a query.

        Args:
            node: Its node in the parse tree.
            known: Common table expressions around it.
            around: What a correlated subquery may name beside its own tables.
        """
        known = dict(known)
        for entry in node["cte_map"]["map"]:
            known[entry["key"]] = self.query(entry["value"]["query_node"], known, around)
        if node["type"] == "SET_OPERATION_NODE":
            parts = [self.query(part, known, around) for part in node["children"]]
            if "NAME" in node["setop_type"]:
                names = dict.fromkeys(name for part in parts for name in part)
                return {name: frozenset().union(*(part.get(name, ()) for part in parts)) for name in names}
            return {
                name: frozenset().union(*(list(part.values())[place] for part in parts))
                for place, name in enumerate(parts[0])
            }
        scope = list(self._sources(node["from_table"], known, around))
        made: Relation = {}
        for item in node["select_list"]:
            if item["class"] == "STAR":
                made |= _star(item, scope)
                replaced = {entry["key"]: entry["value"] for entry in item["replace_list"]}
                made |= {name: self._origins(value, (scope, *around), known) for name, value in replaced.items()}
            else:
                name = item["alias"] or item.get("column_names", [f"#{len(made)}"])[-1]
                made[name] = self._origins(item, (scope, [("", made)], *around), known)
        return made

    def _sources(self, node: Any, known: Mapping[str, Relation], around: Around) -> Iterator[tuple[str, Relation]]:
        match node["type"]:
            case "BASE_TABLE":
                name = node["table_name"]
                yield (
                    node["alias"] or name,
                    self._table(node["schema_name"], name) if node["schema_name"] else known[name],
                )
            case "SUBQUERY":
                yield node["alias"], self.query(node["subquery"]["node"], known, around)
            case "JOIN":
                yield from self._sources(node["left"], known, around)
                if node["join_type"] not in {"SEMI", "ANTI"}:
                    yield from self._sources(node["right"], known, around)
            case "EMPTY":
                return
            case other:
                raise NotImplementedError(f"a view reads from {other}, whose columns are not known here")

    def _table(self, schema: str, name: str) -> Relation:
        table = f"{schema}.{name}"
        return {column: frozenset({(table, column)}) for column in self._tables[table]}

    def _origins(self, node: Any, around: Around, known: Mapping[str, Relation]) -> Origins:
        if isinstance(node, list):
            return frozenset().union(*(self._origins(part, around, known) for part in node))
        if not isinstance(node, dict):
            return frozenset()
        match node.get("class"):
            case "COLUMN_REF":
                return _named(node["column_names"], around)
            case "SUBQUERY":
                inner = self.query(node["subquery"]["node"], known, around)
                beside = self._origins(node["child"], around, known)
                return beside.union(*inner.values())
            case "LAMBDA":
                names = [part["column_names"][0] for part in _references(node["lhs"])]
                parameters: Scope = [("", {name: frozenset() for name in names})]
                return self._origins(node["expr"], (parameters, *around), known)
        return self._origins(list(node.values()), around, known)


def _references(node: Any) -> Iterator[Any]:
    if isinstance(node, dict) and node.get("class") == "COLUMN_REF":
        yield node
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _references(part)


def _named(names: list[str], around: Around) -> Origins:
    """What a name stands for: a column of an alias, of any source (USING joins more than one), or of a query around."""
    for sources in around:
        if len(names) > 1:
            found = [relation[names[1]] for alias, relation in sources if alias == names[0] and names[1] in relation]
            if found:
                return found[0]
        found = [relation[names[0]] for _, relation in sources if names[0] in relation]
        if found:
            return frozenset().union(*found)
    raise NotImplementedError(f"{'.'.join(names)} is no column of what the view reads")


def _star(item: Any, scope: Scope) -> Relation:
    made: Relation = {}
    renamed = {entry["key"]["column"]: entry["value"] for entry in item["rename_list"]}
    for alias, relation in scope:
        for name, origins in relation.items():
            if item["relation_name"] in {"", alias} and name not in item["exclude_list"]:
                shown = renamed.get(name, name)
                made[shown] = made.get(shown, frozenset()) | origins
    return made


def lineage(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """View to ``reads``, the tables and views in its text, and ``columns``: of each its ``type`` and ``from``.

    What a column is ``from`` is ``schema.name`` of tables and views to columns of them.

    Args:
        connection: A warehouse whose views are up to date.
    """
    tables: dict[str, dict[str, str]] = {}
    for schema, name, column, kind in connection.execute(sql.query("catalog/columns")).fetchall():
        tables.setdefault(f"{schema}.{name}", {})[column] = kind
    tracer = ColumnTracer(tables)
    made: dict[str, dict[str, Any]] = {}
    for view in marts.VIEWS:
        node = _parsed(connection, view)
        types = tables[f"main.{view}"]
        columns = {
            column: {"type": types[column], "from": _grouped(origins)}
            for column, origins in tracer.query(node, {}, ()).items()
        }
        made[view] = {"reads": sorted(set(_read(node))), "columns": columns}
    return made


def _parsed(connection: duckdb.DuckDBPyConnection, view: str) -> Any:
    text = _TABLE_MACRO.sub(_expanded, views.definition(view))
    row = connection.execute("SELECT json_serialize_sql($text)", {"text": text}).fetchone()
    return json.loads(row[0])["statements"][0]["node"] if row else None


def _expanded(call: re.Match[str]) -> str:
    """The query of a macro that gives a table, with the argument of a call in it."""
    head, body = views.definition(f"macros/{call['name']}").split(" AS TABLE\n")
    parameter = head.rsplit("(", 1)[1].rstrip(")")
    called = re.sub(rf"\b{parameter}\b", call["argument"], body)
    return f"({called}) AS {call['name']}"


def _read(node: Any) -> Iterator[str]:
    if isinstance(node, dict) and node.get("type") == "BASE_TABLE" and node["schema_name"]:
        yield f"{node['schema_name']}.{node['table_name']}"
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _read(part)


def _grouped(origins: Origins) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for table, column in sorted(origins):
        made.setdefault(table, []).append(column)
    return made


def document() -> str:
    """``taskhouse/marts/lineage.json``: one line for each column."""
    with connect() as scratch:
        migrate.upgrade(scratch)
        views.make(scratch)
        found = lineage(scratch)
    parts = []
    for view, about in found.items():
        lines = ",\n".join(f"   {json.dumps(name)}: {json.dumps(column)}" for name, column in about["columns"].items())
        parts.append(
            f'{json.dumps(view)}: {{\n  "reads": {json.dumps(about["reads"])},\n  "columns": {{\n{lines}\n  }}\n }}'
        )
    return "{\n " + ",\n ".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.stdout.write(document())
