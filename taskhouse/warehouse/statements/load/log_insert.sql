-- An entry of a run's own log is known by its position. A position whose text changed is not overwritten: see
-- log_conflicts.
INSERT INTO raw.run_log_entries BY NAME
SELECT
    project_id,
    task_id,
    run_id,
    position,
    event_id,
    first_event_id,
    kind,
    method,
    session_update,
    tool_call_id,
    occurred_at,
    received_at,
    payload,
    json_ok,
    redacted,
    source AS pass_id,
    $segment AS segment
FROM
    typed
    ANTI JOIN raw.run_log_entries AS stored
        ON typed.project_id = stored.project_id
        AND typed.run_id = stored.run_id
        AND typed.position = stored.position
QUALIFY
    row_number() OVER (PARTITION BY project_id, run_id, position ORDER BY line) = 1
ORDER BY
    line
