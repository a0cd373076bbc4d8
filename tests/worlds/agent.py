"""What a run's agent and the server's relay write: live events, their ids, the log's entries and the trim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.worlds.state import Piece, Run
from tests.worlds.texts import compact, moment, notification, other, phrase, spaced, update

if TYPE_CHECKING:
    from random import Random

KINDS = (
    "agent_thought_chunk",
    "tool_call",
    "tool_call_update",
    "plan",
    "usage_update",
    "a_new_kind",
    "user_message_chunk",
)


def append(run: Run, event: dict[str, Any], at: float, *, text: str | None = None) -> Piece:
    """Write one event to a run's stream, as Redis would number it."""
    millis = int(at * 1000)
    last = run.last_stream_ms
    run.last_stream_ms = (last[0], last[1] + 1) if millis <= last[0] else (millis, 0)
    piece = Piece(text or spaced(event), at, stream_id=f"{run.last_stream_ms[0]}-{run.last_stream_ms[1]}")
    piece.event_id, piece.plain, piece.generation = event.get("event_id"), event, run.generation
    if run.sentinel:
        run.after_sentinel.append(piece)  # no reader ever gets there
        return piece
    if run.stream is None:
        run.stream = []
    run.frames.append(piece)
    run.stream.append(piece)
    for old in run.stream[: max(0, len(run.stream) - run.window)]:
        old.until = at
    del run.stream[: max(0, len(run.stream) - run.window)]
    return piece


def drop_stream(run: Run, at: float) -> None:
    """Let the stream be gone."""
    for piece in run.stream or ():
        piece.until = at
    run.stream, run.sentinel = None, None
    run.generation += 1


def state_frame(run: Run, rng: Random) -> dict[str, Any]:
    """The event that tells of the run's state."""
    row = run.row
    frame: dict[str, Any] = {"type": "task_run_state", "run_id": run.id, "task_id": run.task.id}
    frame |= {key: row[key] for key in ("status", "stage", "output", "branch", "error_message")}
    for key in ("updated_at", "completed_at"):
        frame[key] = None if row[key] is None else moment(row[key], "offset", rng)
    return frame


def log(run: Run, piece: Piece, due: float) -> None:
    """Let an entry reach the log at a moment."""
    run.pending.append((due, piece))


def flush(run: Run, at: float) -> None:
    """Write what is due to the log."""
    for due, piece in [item for item in run.pending if item[0] <= at]:
        piece.since = at
        run.entries.append(piece)
        run.pending.remove((due, piece))


def close_message(run: Run, at: float, lag: float) -> None:
    """Write the chunks of a message to the log as one entry."""
    if not run.open_message:
        return
    chunks, run.open_message = run.open_message, []
    params = chunks[0].plain["notification"]["params"]
    text = "".join(chunk.plain["notification"]["params"]["update"]["content"]["text"] for chunk in chunks)
    content = {"sessionUpdate": "agent_message", "content": {"type": "text", "text": text}}
    entry = {key: value for key, value in chunks[0].plain.items() if key != "event_id"}
    entry["notification"] = notification("session/update", {**params, "update": content})
    piece = Piece(compact(entry), at)
    if chunks[0].event_id:
        piece.first_event_id, piece.event_id = chunks[0].event_id, chunks[-1].event_id
        piece.text = compact({**entry, "first_event_id": piece.first_event_id, "event_id": piece.event_id})
    log(run, piece, at + lag)


def envelope(run: Run, inner: dict[str, Any], at: float, rng: Random) -> dict[str, Any]:
    """An event as the agent sends it."""
    event: dict[str, Any] = {"type": "notification"}
    if run.agent.stamped:
        event["timestamp"] = moment(at, "millis", rng)
    event["notification"] = inner
    number = run.agent.next()
    return event | ({"event_id": number} if number else {})


def emit(run: Run, inner: dict[str, Any], at: float, rng: Random, lag: float) -> None:
    """Send one event down both ways: at once to the stream, later to the log."""
    event = envelope(run, inner, at, rng)
    piece = append(run, event, at)
    name = (
        inner.get("params", {}).get("update", {}).get("sessionUpdate")
        if isinstance(inner.get("params"), dict)
        else None
    )
    if name == "agent_message_chunk":
        run.open_message.append(piece)
        return
    close_message(run, at, lag)
    logged = dict(event)
    if "timestamp" in logged:
        logged["timestamp"] = moment(at + 0.003, "millis", rng)
    log(run, Piece(compact(logged), at, event_id=event.get("event_id")), at + lag)


def session(run: Run) -> str:
    """The agent's session."""
    return "sess_" + run.id[:8]


def prelude(run: Run, at: float, rng: Random, lag: float) -> None:
    """What an agent sends first."""
    log_only = [notification("initialize", {"protocolVersion": 1}), {"jsonrpc": "2.0", "id": 0, "result": {}}]
    for number in range(rng.choice((0, 2, 4))):
        entry = {"type": "notification", "timestamp": moment(at, "millis", rng), "notification": log_only[number % 2]}
        log(run, Piece(compact(entry), at), at + lag)
    if run.tells_of_itself:
        params = {"sessionId": session(run), "runId": run.id, "taskId": run.task.id, "agentVersion": "2.43.1"}
        emit(run, notification("_posthog/run_started", params), at, rng, lag)
        params = {"taskRunId": run.id, "sessionId": session(run), "adapter": "claude"}
        emit(run, notification("_posthog/sdk_session", params), at, rng, lag)


def work(run: Run, count: int, at: float, rng: Random, lag: float) -> None:
    """Let an agent do something for a while."""
    for _ in range(count):
        dice = rng.random()
        if dice < 0.5:
            emit(run, update(rng, "agent_message_chunk", session(run)), at, rng, lag)
        elif dice < 0.8:
            emit(run, update(rng, rng.choice(KINDS), session(run)), at, rng, lag)
        elif dice < 0.94:
            emit(run, other(rng, session(run)), at, rng, lag)
        else:
            append(run, *odd_event(run, at, rng))


def odd_event(run: Run, at: float, rng: Random) -> tuple[dict[str, Any], float]:
    """An event of a rarer kind, which has no number and is in no log."""
    said = phrase(rng, wild=True)
    step = {"group": f"setup:{run.id}", "step": "clone_repository", "status": "completed", "label": said}
    call = {"toolCallId": "toolu_1", "title": said}
    when = moment(at, "millis", rng)
    event: dict[str, Any] = rng.choice(
        (
            {"type": "permission_request", "requestId": str(rng.random()), "toolCall": call, "options": []},
            {"type": "credential_request", "requestId": "r", "credential": "github", "expiresAt": None},
            {"type": "pi_event", "event": {"type": "assistant_message_chunk", "text": said}},
            {"type": rng.choice(("keepalive", "rotated", "connected", "brand_new")), "value": float("inf")},
            rng.choice(({}, {"error": "no frame"}, {"notification": {"method": None}}, {"type": 7})),
            {"type": "notification", "timestamp": when, "notification": notification("_posthog/progress", step)},
        )
    )
    return event, at
