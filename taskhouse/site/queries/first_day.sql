-- The first day with readiness.
SELECT min(day) AS day
FROM
    readiness_trend
