-- Repositories by state on each day, over one window. A day without information counts with the last known state;
-- `carried` are the repositories that count so.
SELECT
    day,
    overall_carried AS state,
    count(*) AS repositories,
    count(*) FILTER (WHERE overall IS NULL) AS carried
FROM
    report_trend
WHERE
    window_days = $window
    AND day BETWEEN $since AND $until
    AND overall_carried IN ('ready', 'partial', 'detected', 'needs_setup')
GROUP BY
    ALL
ORDER BY
    ALL
