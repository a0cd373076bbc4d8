-- The last pass of every resource and project, when it was last complete, and how old the oldest page of that proof is.
-- A copy that an older version published has no proof and no code, and gets empty ones.
WITH pass AS (
    SELECT * FROM ledger.passes
    UNION ALL BY NAME
    SELECT
        NULL::VARCHAR AS proof,
        NULL::TIMESTAMPTZ AS proven_at,
        NULL::VARCHAR AS reason_code
    WHERE
        false
),

complete AS (
    SELECT
        project_id,
        resource,
        max(finished_at) AS finished_at,
        arg_max(struct_pack(proof := proof, proven_at := proven_at), started_at) AS rests_on
    FROM
        pass
    WHERE
        verdict = 'complete'
    GROUP BY
        project_id,
        resource
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
    complete.rests_on.proof AS proof,
    epoch($now::TIMESTAMPTZ - complete.rests_on.proven_at) AS proven_age_s
FROM
    pass AS last
    LEFT JOIN complete USING (project_id, resource)
QUALIFY
    row_number() OVER (PARTITION BY last.project_id, last.resource ORDER BY last.started_at DESC) = 1
