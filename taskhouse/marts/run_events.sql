-- One row per event of a run's live stream, with the exact text that arrived.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- incarnation: 1 or more where an earlier event had the same id: the stream was restarted.
-- source: Which endpoint's ids these are.
-- stream_id: Its id in the stream; NULL for a frame without one.
-- stream_ms: First part of the id; NULL for one of another form.
-- stream_seq: Second part of it.
-- event_id: The agent's number, `<boot>-<number>`; older agents give none.
-- kind: Type of the envelope: `notification`, `task_run_state`, `permission_request`, `pi_event`, …
-- method: JSON-RPC method, with one leading underscore where agents send two.
-- session_update: Kind of a `session/update`, or of an event of the pi runtime.
-- tool_call_id: The tool call that it is about.
-- occurred_at: When it happened, as it says, else the time in its id.
-- received_at: When it was read.
-- payload: The exact text that arrived.
-- json_ok: Whether DuckDB reads the text as JSON as it is.
-- redacted: Whether something was taken out of the text: a secret, a signed address, or with `capture_text = none`
--   every text.
-- segment: The spool segment that brought it.
SELECT
    *
FROM
    raw.run_events
