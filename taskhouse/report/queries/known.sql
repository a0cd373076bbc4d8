-- Everything that there is to report on.
SELECT
    count(DISTINCT (project_id, repository)) FILTER (WHERE overall IS NOT NULL) AS repositories,
    min(day) FILTER (WHERE overall IS NOT NULL) AS first_day,
    max(day) FILTER (WHERE overall IS NOT NULL) AS last_day,
    string_agg(DISTINCT evidence, ', ' ORDER BY evidence) FILTER (WHERE overall IS NULL) AS uninformed,
    (
        SELECT count(*) FROM main.run_history
        WHERE is_current AND completed_at IS NOT NULL
    ) AS runs
FROM
    main.readiness_trend
