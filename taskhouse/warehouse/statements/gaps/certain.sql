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
)

SELECT
    hole.project_id,
    hole.run_id,
    before.latest AS after_stream_id,
    after.earliest AS before_stream_id,
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
