-- Holes that the agent's own numbering proves, between the live events around them.
INSERT INTO found BY NAME
WITH ends AS (
    SELECT DISTINCT
        project_id,
        run_id,
        boot,
        unnest([live_before, live_after]) AS first
    FROM
        holes
),

named AS (
    SELECT
        project_id,
        run_id,
        boot,
        first AS number,
        arg_max(stream_id, (stream_ms, stream_seq)) AS latest,
        arg_min(stream_id, (stream_ms, stream_seq)) AS earliest
    FROM
        numbered
        SEMI JOIN ends USING (project_id, run_id, boot, first)
    WHERE
        live
    GROUP BY
        project_id,
        run_id,
        boot,
        number
),

-- around a boot of which nothing came live, the nearest numbers that did
around AS (
    SELECT
        unread.project_id,
        unread.run_id,
        unread.boot,
        arg_max(numbered.stream_id, (numbered.stream_ms, numbered.stream_seq))
            FILTER (numbered.stream_ms <= unread.unread_ms) AS latest,
        arg_min(numbered.stream_id, (numbered.stream_ms, numbered.stream_seq))
            FILTER (numbered.stream_ms > unread.unread_ms) AS earliest
    FROM
        (SELECT DISTINCT project_id, run_id, boot, unread_ms FROM holes WHERE unread_ms IS NOT NULL) AS unread
        INNER JOIN numbered
            ON unread.project_id = numbered.project_id
            AND unread.run_id = numbered.run_id
            AND numbered.live
    GROUP BY
        unread.project_id,
        unread.run_id,
        unread.boot
)

SELECT
    hole.project_id,
    hole.run_id,
    coalesce(before.latest, around.latest) AS after_stream_id,
    coalesce(after.earliest, around.earliest) AS before_stream_id,
    'the agent''s events ' || hole.boot || '-' || hole.first || ' to ' || hole.boot || '-' || hole.last
    || CASE WHEN hole.in_log THEN ' came from the log alone' ELSE ' are in neither layer' END AS how,
    TRUE AS certain,
    hole.in_log AS repaired_from_log
FROM
    holes AS hole
    LEFT JOIN named AS before
        ON before.project_id = hole.project_id
        AND before.run_id = hole.run_id
        AND before.boot = hole.boot
        AND before.number = hole.live_before
    LEFT JOIN named AS after
        ON after.project_id = hole.project_id
        AND after.run_id = hole.run_id
        AND after.boot = hole.boot
        AND after.number = hole.live_after
    LEFT JOIN around
        ON hole.unread_ms IS NOT NULL
        AND around.project_id = hole.project_id
        AND around.run_id = hole.run_id
        AND around.boot = hole.boot
