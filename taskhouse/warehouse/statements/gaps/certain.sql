-- Holes that the agent's own numbering proves, between the live events around them.
CREATE OR REPLACE TEMP TABLE found AS
SELECT
    hole.project_id,
    hole.run_id,
    arg_max(before.stream_id, before.number) FILTER (WHERE before.number < hole.first) AS after_stream_id,
    arg_min(before.stream_id, before.number) FILTER (WHERE before.number > hole.last) AS before_stream_id,
    'the agent''s events ' || hole.boot || '-' || hole.first || ' to ' || hole.boot || '-' || hole.last
    || CASE WHEN hole.in_log THEN ' came from the log alone' ELSE ' are in neither layer' END AS how,
    TRUE AS certain,
    hole.in_log AS repaired_from_log
FROM
    holes AS hole
    LEFT JOIN numbered AS before
        ON before.project_id = hole.project_id
        AND before.run_id = hole.run_id
        AND before.boot = hole.boot
        AND before.live
GROUP BY
    hole.project_id,
    hole.run_id,
    hole.boot,
    hole.first,
    hole.last,
    hole.in_log
