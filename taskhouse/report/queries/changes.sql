-- The largest changes down (sign -1) or up (sign 1): one for each repository, the newest of equal ones.
WITH largest AS (
    SELECT
        *
    FROM
        report_moves
    WHERE
        points * $sign > 0
        AND day BETWEEN $since AND $until
    QUALIFY
        row_number() OVER (
            PARTITION BY project_id, repository
            ORDER BY abs(points) DESC, day DESC, window_days
        ) = 1
)

SELECT
    *
FROM
    largest
ORDER BY
    abs(points) DESC,
    day DESC,
    project_id,
    repository
LIMIT 5
