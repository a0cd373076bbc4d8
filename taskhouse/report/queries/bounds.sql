-- The last day with data, and the moment at which the data ends.
SELECT
    (SELECT max(day) FROM report_trend WHERE overall IS NOT NULL) AS last_readiness,
    (
        SELECT max(main.day_of(completed_at)) FROM main.run_history
        WHERE $projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[]))
    ) AS last_run,
    (
        SELECT max(finished_at) FROM ledger.passes
        WHERE $projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[]))
    ) AS finished_at,
    (
        SELECT max(observed_at) FROM raw.readiness_snapshots
        WHERE $projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[]))
    ) AS observed_at
