-- A resume that brought as many events as a stream keeps may have crossed a trim, which the server does not tell.
-- Where the agent's numbers run on across the seam, it has not.
INSERT INTO found BY NAME
WITH seams AS (
    SELECT
        resume.project_id,
        resume.run_id,
        resume.source,
        resume.after_stream_id,
        resume.first_stream_id,
        TRY_CAST(split_part(resume.after_stream_id, '-', 1) AS UBIGINT) AS after_ms,
        TRY_CAST(split_part(resume.after_stream_id, '-', 2) AS UBIGINT) AS after_seq,
        TRY_CAST(split_part(resume.first_stream_id, '-', 1) AS UBIGINT) AS first_ms,
        TRY_CAST(split_part(resume.first_stream_id, '-', 2) AS UBIGINT) AS first_seq
    FROM
        ledger.resumes AS resume
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        resume.after_stream_id IS NOT NULL
        AND resume.events >= $window
),

sides AS (
    SELECT
        seams.project_id,
        seams.run_id,
        seams.after_stream_id,
        seams.first_stream_id,
        arg_max(event.event_id, (event.stream_ms, event.stream_seq))
        FILTER (WHERE (event.stream_ms, event.stream_seq) <= (seams.after_ms, seams.after_seq)) AS left_id,
        arg_min(event.event_id, (event.stream_ms, event.stream_seq))
        FILTER (WHERE (event.stream_ms, event.stream_seq) >= (seams.first_ms, seams.first_seq)) AS right_id
    FROM
        seams
        LEFT JOIN raw.run_events AS event
            ON event.project_id = seams.project_id
            AND event.run_id = seams.run_id
            AND event.source = seams.source
            AND event.event_id IS NOT NULL
            AND event.stream_ms >= CAST($since_ms AS UBIGINT)
    GROUP BY
        seams.project_id,
        seams.run_id,
        seams.after_stream_id,
        seams.first_stream_id
)

SELECT
    project_id,
    run_id,
    after_stream_id,
    first_stream_id AS before_stream_id,
    'a resume brought as many events as a stream keeps: what was trimmed before them is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    sides
WHERE
    NOT coalesce(
        regexp_extract(left_id, '^(.+)-[0-9]+$', 1) = regexp_extract(right_id, '^(.+)-[0-9]+$', 1)
        AND TRY_CAST(regexp_extract(right_id, '-([0-9]+)$', 1) AS BIGINT)
        = TRY_CAST(regexp_extract(left_id, '-([0-9]+)$', 1) AS BIGINT) + 1,
        FALSE
    )
