-- How connections to the streams of the judged runs began, each first id once. Ids are compared as one number. When a
-- connection began is not known of old rows, nor where the server does not say so. Where another event came under the id
-- of the last one (`replaced`), the order of ids tells nothing.
CREATE OR REPLACE TEMP TABLE seams AS
SELECT
    resume.project_id,
    resume.run_id,
    ids.first_ms * CAST(18446744073709551616 AS UHUGEINT) + ids.first_seq AS first_id,
    min(ids.first_ms) AS first_ms,
    min(resume.connected_at) AS connected_at,
    max(resume.heard_at) AS heard_at,
    bool_or(resume.is_joined) AS is_joined,
    bool_and(resume.source = 'django') AS has_states
FROM
    ledger.resumes AS resume
    SEMI JOIN judged USING (project_id, run_id),
    LATERAL (
        SELECT
            CAST(TRY_CAST(split_part(resume.first_stream_id, '-', 1) AS UBIGINT) AS UHUGEINT) AS first_ms,
            TRY_CAST(split_part(resume.first_stream_id, '-', 2) AS UBIGINT) AS first_seq
    ) AS ids
WHERE
    ids.first_ms IS NOT NULL
    AND ids.first_seq IS NOT NULL
    AND (resume.is_joined IS DISTINCT FROM FALSE OR resume.after_stream_id IS DISTINCT FROM resume.first_stream_id)
GROUP BY
    resume.project_id,
    resume.run_id,
    first_id
