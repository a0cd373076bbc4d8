-- Unbroken stretches of numbers that the live stream lacks, in every boot of which the live stream has something, and in
-- every other boot that the log places between numbers that came live: a life of the run of which nothing was read. Found
-- at the edges of what is held, so that a stretch costs the same however long it is. What the log has from before the
-- first live number, or after the last one, is no hole: nobody was watching yet, or any more.
CREATE OR REPLACE TEMP TABLE holes AS
WITH watched AS (
    SELECT
        project_id,
        run_id,
        min(stream_ms) AS first_ms,
        max(stream_ms) AS last_ms
    FROM
        numbered
    WHERE
        live
    GROUP BY
        project_id,
        run_id
),

boots AS (
    SELECT
        project_id,
        run_id,
        boot,
        CASE WHEN NOT bool_or(live) THEN min(logged_ms) END AS unread_ms,
        row_number() OVER () AS id
    FROM
        numbered
        INNER JOIN watched USING (project_id, run_id)
    GROUP BY
        project_id,
        run_id,
        boot
    HAVING
        bool_or(live)
        OR min(logged_ms) BETWEEN any_value(first_ms) AND any_value(last_ms)
),

held AS (
    SELECT DISTINCT
        boots.id,
        numbered.live,
        numbered.first,
        numbered.last
    FROM
        numbered
        INNER JOIN boots USING (project_id, run_id, boot)
),

placed AS (
    SELECT
        *,
        CASE WHEN live THEN first - row_number() OVER (PARTITION BY id, live ORDER BY first) ELSE first END AS unbroken
    FROM
        held
),

spans AS (
    SELECT
        id,
        live,
        min(first) AS first,
        max(last) AS last
    FROM
        placed
    GROUP BY
        id,
        live,
        unbroken
),

edges AS (
    SELECT
        id,
        unnest([first, last + 1]) AS number,
        unnest([CAST(live AS INTEGER), -CAST(live AS INTEGER)]) AS live,
        unnest([CAST(NOT live AS INTEGER), -CAST(NOT live AS INTEGER)]) AS log
    FROM
        spans
    UNION ALL
    SELECT
        id,
        1,
        0,
        0
    FROM
        boots
),

summed AS (
    SELECT
        id,
        number,
        sum(live) AS live,
        sum(log) AS log
    FROM
        edges
    GROUP BY
        id,
        number
),

pieces AS (
    SELECT
        id,
        number AS first,
        lead(number) OVER edge - 1 AS last,
        sum(live) OVER edge > 0 AS live,
        sum(log) OVER edge > 0 AS in_log
    FROM
        summed
    WINDOW
        edge AS (PARTITION BY id ORDER BY number)
),

marked AS (
    SELECT
        *,
        max(CASE WHEN live THEN last END) OVER before AS live_before,
        min(CASE WHEN live THEN first END) OVER after AS live_after,
        (live, in_log) IS DISTINCT FROM lag((live, in_log)) OVER piece AS is_new
    FROM
        pieces
    WHERE
        last IS NOT NULL
    WINDOW
        piece AS (PARTITION BY id ORDER BY first),
        before AS (
            PARTITION BY id ORDER BY first
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ),
        after AS (
            PARTITION BY id ORDER BY first
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        )
),

stretches AS (
    SELECT
        *,
        count(*) FILTER (WHERE is_new) OVER (PARTITION BY id ORDER BY first) AS stretch
    FROM
        marked
)

SELECT
    boots.project_id,
    boots.run_id,
    boots.boot,
    boots.unread_ms,
    stretches.in_log,
    min(stretches.first) AS first,
    max(stretches.last) AS last,
    any_value(stretches.live_before) AS live_before,
    any_value(stretches.live_after) AS live_after
FROM
    stretches
    INNER JOIN boots USING (id)
WHERE
    NOT stretches.live
    AND (
        NOT stretches.in_log
        OR boots.unread_ms IS NOT NULL
        OR (stretches.live_before IS NOT NULL AND stretches.live_after IS NOT NULL)
    )
GROUP BY
    boots.project_id,
    boots.run_id,
    boots.boot,
    boots.unread_ms,
    stretches.in_log,
    stretches.stretch
