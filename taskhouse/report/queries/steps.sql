-- Repositories that went up, and that went down, over one window between two days.
SELECT
    count(DISTINCT (project_id, repository)) FILTER (WHERE points > 0) AS up,
    count(DISTINCT (project_id, repository)) FILTER (WHERE points < 0) AS down
FROM
    report_moves
WHERE
    window_days = $window
    AND day BETWEEN $since AND $until
