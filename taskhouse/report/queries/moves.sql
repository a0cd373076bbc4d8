-- Days on which the score moved, with the score and the state before; never across a change of the server's classifier.
CREATE OR REPLACE TEMP TABLE report_moves AS
SELECT
    project_id,
    repository,
    window_days,
    day,
    lag(overall) OVER ordered AS before,
    overall AS after,
    lag(readiness_score) OVER ordered AS score_before,
    readiness_score AS score_after,
    readiness_score - lag(readiness_score) OVER ordered AS points
FROM
    report_trend
WHERE
    readiness_score IS NOT NULL
    AND day BETWEEN $since::DATE - 30 AND $until
WINDOW
    ordered AS (PARTITION BY project_id, repository, window_days, segment ORDER BY day)
QUALIFY
    points <> 0
    AND day >= $since
