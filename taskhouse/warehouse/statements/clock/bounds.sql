-- The first and the last of the moments that are still to come.
SELECT
    min(moment) AS first,
    max(moment) AS last
FROM
    ({moments})
WHERE
    moment > $now
