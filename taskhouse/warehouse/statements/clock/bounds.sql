-- The last moment that is past, and the first and the last that are still to come.
SELECT
    max(moment) FILTER (WHERE moment <= $now) AS past,
    min(moment) FILTER (WHERE moment > $now) AS first,
    max(moment) FILTER (WHERE moment > $now) AS last
FROM
    ({moments})
