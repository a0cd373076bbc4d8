-- The tool calls of the run.
SELECT
    run_id,
    tool_call_id,
    tool_name,
    kind,
    title,
    status,
    epoch_ms(started_at) AS at,
    duration_s,
    exit_code,
    is_error,
    error_message,
    paths,
    parent_tool_call_id,
    permission_asked,
    permission_decision,
    permission_wait_s
FROM
    tool_calls
WHERE
    project_id = $project
    AND run_id = $run
