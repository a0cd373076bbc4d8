UPDATE ledger.passes
SET
    viewer = $viewer,
    finished_at = $finished_at,
    requests = $requests,
    retries = $retries,
    bytes = $bytes,
    throttled_s = $throttled_s,
    pages = $pages,
    rows_seen = $rows_seen,
    rows_distinct = $rows_distinct,
    rows_added = $rows_added,
    rows_absent = $rows_absent,
    quarantined = $quarantined,
    server_count = $server_count,
    server_count_end = $server_count_end,
    verdict = $verdict,
    reason = $reason
WHERE
    pass_id = $pass_id
