-- What became of the lines of a segment. Of a live segment every row stays; of a log some may be replaced.
WITH held AS (
    SELECT
        segment,
        count(*) AS rows
    FROM
        (
            SELECT segment FROM raw.run_events
            UNION ALL
            SELECT segment FROM raw.run_log_entries
        )
    GROUP BY
        segment
)

SELECT
    'segment ' || told.segment AS what,
    told.lines = told.inserted + told.duplicates + told.set_aside + told.marks
    AND least(told.inserted, told.duplicates, told.set_aside, told.marks) >= 0
    AND coalesce(told.held, 0) <= told.inserted
    AND CASE told.layer
        WHEN 'live' THEN coalesce(held.rows, 0) = told.inserted
        ELSE coalesce(held.rows, 0) <= told.inserted
    END AS fine
FROM
    ledger.segments AS told
    LEFT JOIN held USING (segment)
