-- Where the server announced that it had trimmed the stream (API facts 5.7), with what is held on both sides of it. Left out
-- are announcements that say nothing: the stream began anew behind the cursor, or another process had read on from it.
CREATE OR REPLACE TEMP TABLE trims AS
WITH announced AS (
    SELECT DISTINCT
        resume.project_id,
        resume.run_id,
        resume.after_stream_id,
        CAST(TRY_CAST(split_part(resume.after_stream_id, '-', 1) AS UBIGINT) AS UHUGEINT)
        * CAST(18446744073709551616 AS UHUGEINT)
        + coalesce(TRY_CAST(split_part(resume.after_stream_id, '-', 2) AS UBIGINT), 0) AS id
    FROM
        ledger.resumes AS resume
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        resume.ending = 'trimmed'
),

agent AS (
    SELECT
        *
    FROM
        held
    WHERE
        NOT is_state
)

SELECT
    announced.project_id,
    announced.run_id,
    announced.after_stream_id,
    after.stream_id AS before_stream_id,
    after.id AS first_id,
    left_side.boot,
    left_side.number AS after_number,
    right_side.number AS before_number,
    coalesce(left_side.boot = right_side.boot AND left_side.number < right_side.number, FALSE) AS is_counted
FROM
    announced
    ASOF LEFT JOIN held AS after
        ON announced.project_id = after.project_id
        AND announced.run_id = after.run_id
        AND announced.id < after.id
    ASOF LEFT JOIN agent AS left_side
        ON announced.project_id = left_side.project_id
        AND announced.run_id = left_side.run_id
        AND announced.id >= left_side.id
    ASOF LEFT JOIN agent AS right_side
        ON announced.project_id = right_side.project_id
        AND announced.run_id = right_side.run_id
        AND announced.id < right_side.id
    LEFT JOIN states AS first_state
        ON announced.project_id = first_state.project_id
        AND announced.run_id = first_state.run_id
        AND after.id = first_state.id
WHERE
    first_state.status IS DISTINCT FROM 'queued'
    AND (
        after.id IS NULL
        OR EXISTS (
            SELECT 1 FROM seams
            WHERE
                seams.project_id = announced.project_id
                AND seams.run_id = announced.run_id
                AND seams.first_id > announced.id
                AND seams.first_id <= after.id
        )
    )
QUALIFY
    row_number() OVER (PARTITION BY announced.project_id, announced.run_id, after.id ORDER BY announced.id DESC) = 1
