-- The gaps of the run, each with the event that it follows: the last one of the stream up to its beginning.
WITH gap AS (
    SELECT
        *,
        row_number() OVER (ORDER BY detected_at, after_stream_id, before_stream_id, how) AS number,
        TRY_CAST(split_part(after_stream_id, '-', 1) AS UBIGINT) AS after_ms,
        coalesce(TRY_CAST(split_part(after_stream_id, '-', 2) AS UBIGINT), 0) AS after_seq,
        TRY_CAST(split_part(before_stream_id, '-', 1) AS UBIGINT) AS before_ms,
        coalesce(TRY_CAST(split_part(before_stream_id, '-', 2) AS UBIGINT), 0) AS before_seq
    FROM
        ledger.gaps
    WHERE
        project_id = $project
        AND run_id = $run
),

event AS (
    SELECT
        run_id,
        ordinal,
        stream_ms,
        stream_seq
    FROM
        run_timeline
    WHERE
        project_id = $project
        AND run_id = $run
        AND stream_ms IS NOT NULL
)

SELECT
    any_value(gap.run_id) AS run_id,
    any_value(gap.kind) AS kind,
    any_value(gap.how) AS how,
    any_value(gap.certain) AS certain,
    any_value(gap.repaired_from_log) AS repaired,
    CASE
        WHEN any_value(gap.after_ms) IS NOT NULL
            THEN coalesce(max(event.ordinal) FILTER (WHERE (stream_ms, stream_seq) <= (after_ms, after_seq)), 0)
        WHEN any_value(gap.before_ms) IS NOT NULL
            THEN min(event.ordinal) FILTER (WHERE (stream_ms, stream_seq) >= (before_ms, before_seq)) - 1
    END AS after_ordinal
FROM
    gap
    LEFT JOIN event ON gap.run_id = event.run_id
GROUP BY
    gap.number
ORDER BY
    gap.number
