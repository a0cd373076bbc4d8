-- The longest of the windows over which readiness is known well: with at least half as many answers as any other.
SELECT
    max(window_days) AS days
FROM
    (
        SELECT
            window_days,
            count(*) AS answers
        FROM
            main.readiness
        WHERE
            evidence = 'scan'
            AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
        GROUP BY
            window_days
        QUALIFY
            2 * count(*) >= max(count(*)) OVER ()
    )
