-- Attempts that ended in one of the periods, as `run_daily` counts them: 0 is the period of the report, and the others
-- are those before. What a whole run used counts where its last attempt ended.
CREATE OR REPLACE TEMP TABLE agents_ended AS
SELECT
    period.number,
    attempt.project_id,
    attempt.task_id,
    attempt.run_id,
    attempt.status,
    attempt.repository,
    attempt.model,
    attempt.runtime_adapter,
    attempt.ended_at,
    attempt.duration_s,
    main.fingerprint(attempt.error_message) AS fingerprint,
    usage.cost_usd,
    coalesce(usage.total_tokens, usage.turn_tokens) AS tokens
FROM
    report_attempts AS attempt
    INNER JOIN agents_periods AS period
        ON attempt.ended_day BETWEEN period.since AND period.until
    LEFT JOIN main.run_usage AS usage
        ON attempt.project_id = usage.project_id
        AND attempt.run_id = usage.run_id
        AND attempt.is_last
WHERE
    ($projects IS NULL OR attempt.project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR attempt.repository GLOB $pattern)
    AND ($names IS NULL OR attempt.repository IN (SELECT unnest($names::VARCHAR[])))
