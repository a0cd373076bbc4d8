-- The days that the data covers, and the moment at which it ends.
WITH read AS (
    SELECT
        (
            SELECT max(finished_at) FROM ledger.passes
            WHERE $projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[]))
        ) AS finished_at,
        (
            SELECT max(observed_at) FROM main.readiness
            WHERE $projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[]))
        ) AS observed_at
),

ended AS (
    SELECT
        min(main.day_of(completed_at)) AS first_run,
        max(main.day_of(completed_at)) AS last_run
    FROM
        main.run_history
    WHERE
        $projects IS NULL
        OR project_id IN (SELECT unnest($projects::BIGINT[]))
)

SELECT
    coalesce(finished_at, observed_at) AS as_of,
    main.day_of(greatest(finished_at, observed_at)) AS read_on,
    (SELECT min(day) FROM report_trend WHERE overall IS NOT NULL) AS first_readiness,
    (SELECT max(day) FROM report_trend) AS last_readiness,
    first_run,
    last_run
FROM
    read
    CROSS JOIN ended
