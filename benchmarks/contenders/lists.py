"""Read the list of tasks with httpx, page by page, as the peers do it."""

from collections.abc import Iterator
from typing import Any

import httpx

PATH = "/api/projects/1/tasks/"
EVERYTHING = {"internal": "all", "archived": "all"}
KEY = {"Authorization": "Bearer phx_emulator"}


def pages(url: str) -> Iterator[list[dict[str, Any]]]:
    """The rows of each page."""
    with httpx.Client(base_url=url, headers=KEY, timeout=60) as client:
        came, count = 0, 1
        while came < count:
            query = {"limit": "100", "offset": str(came), **EVERYTHING}
            page = client.get(PATH, params=query).raise_for_status().json()
            count, came = page["count"], came + len(page["results"])
            yield page["results"]
