-- The last pass of every resource and project, when it was last complete, and how old the oldest page of that proof is,
-- among the passes that began at $since or later, or among all. Only the rows of the passes found are read whole. A
-- copy that an older version published has no proof and no code, and gets empty ones.
WITH known AS (
    SELECT
        project_id,
        resource,
        arg_max(rowid, started_at) AS last_row,
        arg_max(rowid, started_at) FILTER (WHERE verdict = 'complete') AS complete_row
    FROM
        ledger.passes
    WHERE
        started_at >= coalesce($since::TIMESTAMPTZ, '-infinity'::TIMESTAMPTZ)
    GROUP BY
        project_id,
        resource
),

pass AS (
    SELECT
        rowid AS number,
        *
    FROM
        ledger.passes
    WHERE
        rowid IN (SELECT unnest([last_row, complete_row]) FROM known)
    UNION ALL BY NAME
    SELECT
        NULL::VARCHAR AS proof,
        NULL::TIMESTAMPTZ AS proven_at,
        NULL::VARCHAR AS reason_code
    WHERE
        false
)

SELECT
    last.project_id,
    last.resource,
    last.verdict,
    last.reason,
    last.reason_code,
    last.rows_seen,
    last.rows_added,
    last.viewer,
    epoch($now::TIMESTAMPTZ - coalesce(last.finished_at, last.started_at)) AS age_s,
    epoch($now::TIMESTAMPTZ - complete.finished_at) AS complete_age_s,
    complete.proof,
    epoch($now::TIMESTAMPTZ - complete.proven_at) AS proven_age_s
FROM
    known
    INNER JOIN pass AS last
        ON last.number = known.last_row
    LEFT JOIN pass AS complete
        ON complete.number = known.complete_row
