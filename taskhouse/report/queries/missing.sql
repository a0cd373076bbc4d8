-- Days without information, by reason, and days with it.
SELECT
    CASE WHEN overall IS NULL THEN coalesce(evidence, 'not_observed') END AS reason,
    count(*) AS days
FROM
    report_trend
WHERE
    day BETWEEN $since AND $until
GROUP BY
    ALL
ORDER BY
    days DESC,
    reason
