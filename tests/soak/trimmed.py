"""The soak of streams that are shorter than what runs emit: all that was lost stands under a gap, and little else does.

The oracle stands at the server: it notes what each stream held when a reader came. It knows no number and no rule of
the judge.
"""

import contextlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final
from unittest import mock

from taskhouse.emulator.streams import RunStream, StreamStore
from taskhouse.emulator.truth import Digest, Truth
from taskhouse.emulator.world.model import Run

NEARLY: Final = 0.75
"""Less of a window is never taken for a full one: what may have come live counts, too."""

Id = tuple[int, int]


class Server:
    """What the streams of an emulator offered and held."""

    def __init__(self) -> None:
        self.offered: dict[str, list[Id]] = defaultdict(list)
        self.met: dict[str, list[list[Id]]] = defaultdict(list)

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Listen to emulators that are started meanwhile."""
        live, add, of_run, attach = Truth.live, Digest.add, StreamStore.stream, RunStream.attach
        digests: dict[int, str] = {}
        streams: dict[int, str] = {}

        def known(truth: Truth, run: Run) -> Digest:
            digest = live(truth, run)
            digests[id(digest)] = run.id
            return digest

        def added(digest: Digest, event_id: str, text: str) -> None:
            if id(digest) in digests:
                self.offered[digests[id(digest)]].append(parsed(event_id))
            add(digest, event_id, text)

        def found(store: StreamStore, run_id: str) -> RunStream:
            stream = of_run(store, run_id)
            streams[id(stream)] = run_id
            return stream

        def attached(stream: RunStream, now_ms: int) -> None:
            if stream.exists(now_ms):
                self.met[streams[id(stream)]].append([(name.ms, name.seq) for name in stream._ids[stream._head :]])
            attach(stream, now_ms)

        with (
            mock.patch.object(Truth, "live", known),
            mock.patch.object(Digest, "add", added),
            mock.patch.object(StreamStore, "stream", found),
            mock.patch.object(RunStream, "attach", attached),
        ):
            yield

    def problems(
        self,
        window: int,
        held: dict[str, set[Id]],
        gaps: list[tuple[str, str | None, str | None, bool]],
        *,
        numbered: bool,
    ) -> tuple[list[str], dict[str, Any]]:
        """What is wrong with the gaps, and figures.

        Args:
            window: How many entries a stream keeps.
            held: By run the ids that are held.
            gaps: Run, after, before and certain of every gap.
            numbered: Whether agents number their events: then what was before the first event that was read is no
                gap, for it was read from the log.
        """
        spans: dict[str, list[tuple[Id, Id]]] = defaultdict(list)
        for run_id, after, before, _ in gaps:
            spans[run_id].append((parsed(after or "0-0"), parsed(before) if before else (1 << 64, 0)))
        problems, lost, needed = [], 0, set()
        for run_id, offered in self.offered.items():
            missing = [name for name in offered if name not in held[run_id]]
            if not held[run_id]:
                continue  # its stream was never read
            lost += len(missing)
            first_held = min(held[run_id]) if numbered else (0, 0)
            for name in missing:
                around = {span for span in spans[run_id] if span[0] < name < span[1]}
                needed |= {(run_id, *span) for span in around}
                if not around and name > first_held:
                    problems.append(f"run {run_id} lost {name}, and no gap says so")
        idle = 0
        for run_id, after, before, certain in gaps:
            if (run_id, parsed(after or "0-0"), parsed(before) if before else (1 << 64, 0)) in needed:
                continue
            first = parsed(before) if before else None
            waiting = max((len(met) - bisect_left(met, first) for met in self.met[run_id] if first), default=0)
            idle += 1
            if not certain and waiting < NEARLY * window:
                problems.append(f"run {run_id} lost nothing between {after} and {before}: {waiting} were waiting")
        return problems, {"events lost": lost, "gaps": len(gaps), "of these where nothing was lost": idle}


def parsed(name: str) -> Id:
    """A stream id as two numbers."""
    ms, _, seq = name.partition("-")
    return int(ms), int(seq)
