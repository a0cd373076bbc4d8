-- Repositories by state, for each window and day.
SELECT
    window_days,
    day,
    overall,
    count(*) AS repositories
FROM
    report_trend
WHERE
    day BETWEEN $since AND $until
GROUP BY
    ALL
ORDER BY
    ALL
