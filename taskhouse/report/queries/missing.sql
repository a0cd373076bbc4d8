-- Days without information, by why, and days with it.
SELECT
    CASE WHEN overall IS NULL THEN coalesce(evidence, 'not observed') END AS why,
    count(*) AS days
FROM
    report_trend
WHERE
    day BETWEEN $since AND $until
GROUP BY
    ALL
ORDER BY
    days DESC,
    why
