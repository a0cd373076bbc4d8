-- What a running pass cost and brought until now.
UPDATE ledger.passes
SET
    kind = $kind,
    viewer = $viewer,
    requests = $requests,
    retries = $retries,
    bytes = $bytes,
    throttled_s = $throttled_s,
    pages = $pages,
    rows_seen = $rows_seen,
    rows_distinct = $rows_distinct,
    duplicates = $duplicates,
    rows_added = $rows_added,
    rows_absent = $rows_absent,
    ids_requested = $ids_requested,
    ids_returned = $ids_returned,
    ids_absent = $ids_absent,
    first_key = $first_key,
    last_key = $last_key,
    quarantined = $quarantined,
    server_count = $server_count,
    server_count_end = $server_count_end
WHERE
    pass_id = $pass_id
