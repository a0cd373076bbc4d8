-- One row per event of a run's live stream, with the exact text that arrived.
-- Key: `project_id`, `run_id`, `source`, `stream_ms`, `stream_seq`, `incarnation`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- incarnation: 1 or more if an earlier event had the same id, because the stream was restarted.
-- source: The leg that the ids belong to: the endpoint through which the stream was read.
-- stream_id: Its id in the stream; NULL for a frame without one.
-- stream_ms: First part of the id; NULL for an id of another form.
-- stream_seq: Second part of it.
-- event_id: The agent's number, `<boot>-<number>`; older agents have none.
-- kind: Type of the envelope: `notification`, `task_run_state`, `permission_request`, `pi_event`, …
-- method: JSON-RPC method, with one leading underscore where agents send two.
-- session_update: Kind of a `session/update`, or of an event of the pi runtime.
-- tool_call_id: The tool call that it belongs to.
-- occurred_at: When it happened: the time in the event or, if it has none, the time in its id.
-- received_at: When it was read.
-- payload: The exact text that arrived. Query it through `event_document`.
-- json_ok: Whether DuckDB can read the text as JSON unchanged.
-- redacted: Whether something was removed from the text: a secret, a signed address, or with `capture_text = none`
--   every text.
-- segment: The spool segment that brought it.
SELECT
    *
FROM
    raw.run_events
