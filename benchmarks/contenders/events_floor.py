"""The floor: the bytes of all streams, read by httpx and dropped, then the same rows in one statement from a file."""

import asyncio

import duckdb
import httpx

from benchmarks.contenders import measure, streams


async def read(url: str, wanted: list[streams.Row]) -> None:
    """Read, and keep nothing."""
    gate, limits = asyncio.Semaphore(streams.AT_ONCE), httpx.Limits(max_connections=streams.AT_ONCE)
    async with httpx.AsyncClient(base_url=url, headers=streams.KEY, limits=limits, timeout=60) as client:

        async def one(run: streams.Row) -> None:
            accept = {"Accept": "text/event-stream"}
            async with gate, client.stream("GET", streams.path_of(run), headers=accept) as response:
                async for _ in response.aiter_raw():
                    pass

        await asyncio.gather(*[one(run) for run in wanted])


def main() -> None:
    """Measure."""
    asked = measure.asked()
    wanted, path = streams.runs(asked.given), asked.home / "floor.duckdb"
    insert = f"CREATE TABLE run_events AS SELECT * FROM read_json('{asked.given / 'rows.ndjson'}')"  # noqa: S608
    rows = 0

    def work() -> None:
        nonlocal rows
        asyncio.run(read(asked.url, wanted))
        with duckdb.connect(str(path)) as connection:
            rows = connection.execute(insert).fetchall()[0][0]

    figures = measure.measured(work)
    measure.tell(**figures, rows=rows, disk_mb=measure.size_mb(path))


if __name__ == "__main__":
    main()
