-- The last day with data, the last whole week before it, and when the data was read.
SELECT
    day AS last_day,
    main.monday_of(day + 1) - 1 AS last_sunday,
    read_at
FROM
    (
        SELECT
            main.day_of(max(finished_at)) AS day,
            max(finished_at) AS read_at
        FROM
            ledger.passes
        WHERE
            finished_at IS NOT NULL
    )
