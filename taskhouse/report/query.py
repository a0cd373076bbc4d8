"""The report's questions: SQL below ``queries/``."""

from typing import Any

from taskhouse.reading import House
from taskhouse.warehouse import sql


def ask(house: House, question: str, **parameters: object) -> list[dict[str, Any]]:
    """The rows of ``queries/<question>.sql``, each by column name."""
    return house.records(sql.statement("taskhouse.report", f"queries/{question}"), **parameters)
