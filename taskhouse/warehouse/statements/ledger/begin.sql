INSERT INTO ledger.passes BY NAME
SELECT
    $pass_id AS pass_id,
    $project_id AS project_id,
    $resource AS resource,
    $viewer AS viewer,
    $started_at AS started_at,
    0 AS requests,
    0 AS retries,
    0 AS bytes,
    0 AS throttled_s,
    0 AS pages,
    0 AS rows_seen,
    0 AS rows_distinct,
    0 AS rows_added,
    0 AS rows_absent,
    0 AS quarantined,
    'running' AS verdict
