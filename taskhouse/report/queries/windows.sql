-- The windows, each with a number that is the same for windows whose states are the same on all days.
SELECT
    window_days,
    sum(CAST(hash(concat_ws('/', project_id, repository, day, overall_carried)) AS HUGEINT)) AS states
FROM
    report_trend
WHERE
    day BETWEEN $since AND $until
GROUP BY
    window_days
ORDER BY
    window_days
