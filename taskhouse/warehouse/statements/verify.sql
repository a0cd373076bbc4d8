-- The checks of `verify`: each query returns rows of `what` and `fine`, and `count` counts them. NULL means not known.

-- name: count
SELECT
    count(*) AS looked_at,
    count(*) FILTER (WHERE fine IS NULL) AS unknown,
    count(*) FILTER (WHERE NOT fine) AS wrong,
    list(CAST(what AS VARCHAR)) FILTER (WHERE NOT fine)[:{examples}] AS examples
FROM
    ({rows})

-- name: times
SELECT
    'pass ' || pass_id AS what,
    (verdict = 'running') = (finished_at IS NULL)
    AND coalesce(finished_at >= started_at, TRUE)
    AND verdict IN ('running', 'complete', 'incomplete')
    AND coalesce(proven_at <= finished_at, TRUE) AS fine
FROM
    ledger.passes

-- name: passes
-- The counts of a pass, compared with the rows that name it. Pages that brought nothing are deleted after a while, and
-- an interrupted pass may have counted what its last commit did not store. Versions of runs are left out, because a
-- run's own row replaces what its task showed in an earlier pass.
WITH page AS (
    SELECT
        pass_id,
        count(*) AS pages,
        max(page) AS last_page
    FROM
        ledger.pages
    GROUP BY
        pass_id
),

added AS (
    SELECT
        pass_id,
        count(*) AS rows
    FROM
        (
            {tables}
        )
    GROUP BY
        pass_id
)

SELECT
    'pass ' || pass.pass_id AS what,
    pass.rows_seen = pass.rows_distinct + pass.duplicates
    AND coalesce(page.last_page, 0) <= pass.pages
    AND coalesce(page.pages, 0) <= pass.pages
    AND coalesce(added.rows, 0) <= pass.rows_added
    AND (
        pass.verdict <> 'complete'
        OR (
            pass.quarantined = 0
            AND (pass.started_at < $pages_since OR coalesce(page.pages, 0) = pass.pages)
            AND (
                pass.resource NOT IN ({alone})
                OR coalesce(added.rows, 0) = pass.rows_added
            )
        )
    ) AS fine
FROM
    ledger.passes AS pass
    LEFT JOIN page USING (pass_id)
    LEFT JOIN added USING (pass_id)

-- name: sightings
-- Periods of presence: in order, without overlap, and only the last one open.
WITH stretch AS (
    {stretches}
),

placed AS (
    SELECT
        *,
        lead(first_seen_at) OVER (PARTITION BY project_id, thing ORDER BY first_seen_at) AS next_seen_at
    FROM
        stretch
)

SELECT
    thing || ' from ' || first_seen_at AS what,
    first_seen_at <= last_seen_at
    AND coalesce(absent_since >= last_seen_at, TRUE)
    AND (absent_since IS NULL) = (absent_pass_id IS NULL)
    AND (next_seen_at IS NULL OR coalesce(absent_since <= next_seen_at, FALSE)) AS fine
FROM
    placed

-- name: segments
-- What happened to the lines of a segment. Every row of a live segment stays; some rows of a log may be replaced.
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
    'segment ' || loaded.segment AS what,
    loaded.lines = loaded.inserted + loaded.duplicates + loaded.quarantined + loaded.control_lines
    AND least(loaded.inserted, loaded.duplicates, loaded.quarantined, loaded.control_lines) >= 0
    AND coalesce(loaded.held, 0) <= loaded.inserted
    AND CASE loaded.layer
        WHEN 'live' THEN coalesce(held.rows, 0) = loaded.inserted
        ELSE coalesce(held.rows, 0) <= loaded.inserted
    END AS fine
FROM
    ledger.segments AS loaded
    LEFT JOIN held USING (segment)

-- name: cursors
-- The cursor of a log is never before a stored entry.
SELECT
    'log of run ' || entry.run_id AS what,
    coalesce(TRY_CAST(log.position AS BIGINT) > entry.last, FALSE) AS fine
FROM
    (
        SELECT
            project_id,
            run_id,
            max(position) AS last
        FROM
            raw.run_log_entries
        GROUP BY
            ALL
    ) AS entry
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = entry.project_id
        AND log.resource = 'run_log'
        AND log.key = entry.run_id
