-- The ledger of passes, and what a page adds to it: pages, bad records, drift and cursors are staged as `incoming`,
-- closed records as `closed`, and good records as `good`. The last three remember the views of `main`.

-- name: newest
-- When the newest pass over a resource began; a pass of an earlier moment is late.
SELECT
    max(started_at)
FROM
    ledger.passes
WHERE
    project_id = $project_id
    AND resource = $resource

-- name: abandon
-- A pass that a dead process left running is not complete.
UPDATE ledger.passes
SET
    verdict = 'incomplete',
    finished_at = $now,
    interrupted = true,
    reason = 'the process ended before the pass did',
    reason_code = 'interrupted'
WHERE
    verdict = 'running'
    AND project_id = $project_id
    AND resource = $resource

-- name: begin
INSERT INTO ledger.passes BY NAME
SELECT
    $pass_id AS pass_id,
    $project_id AS project_id,
    $resource AS resource,
    $viewer AS viewer,
    $started_at AS started_at,
    false AS interrupted,
    0 AS resumes,
    0 AS requests,
    0 AS retries,
    0 AS bytes,
    0 AS throttled_s,
    0 AS pages,
    0 AS rows_seen,
    0 AS rows_distinct,
    0 AS duplicates,
    0 AS rows_added,
    0 AS rows_absent,
    0 AS ids_requested,
    0 AS ids_returned,
    0 AS ids_absent,
    0 AS quarantined,
    'running' AS verdict

-- name: reopen
-- A pass that was interrupted goes on.
UPDATE ledger.passes
SET
    verdict = 'running',
    reason = NULL,
    reason_code = NULL,
    finished_at = NULL,
    interrupted = false,
    resumes = resumes + 1
WHERE
    pass_id = $pass_id

-- name: verdict
SELECT
    verdict
FROM
    ledger.passes
WHERE
    pass_id = $pass_id

-- name: figures
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

-- name: close_unidentified
-- A record that cannot be identified is closed by a proof that is based only on later readings, because every record
-- of the list could be read since. Other records wait for a good record with the same key, or for a replay.
UPDATE ledger.quarantine
SET
    replayed_at = $at,
    outcome = 'superseded'
WHERE
    replayed_at IS NULL
    AND project_id = $project_id
    AND list_contains($resources, resource)
    AND TRY_CAST(record_key AS UUID) IS NULL
    AND first_seen_at < $proven_at

-- name: finish
UPDATE ledger.passes
SET
    finished_at = $finished_at,
    interrupted = $interrupted,
    verdict = $verdict,
    reason = $reason,
    reason_code = $reason_code,
    proof = $proof,
    proven_at = $proven_at
WHERE
    pass_id = $pass_id

-- name: pages
INSERT INTO ledger.pages BY NAME
SELECT
    *
FROM
    incoming

-- name: quarantine
-- A bad record is stored once, however often it comes back before it is closed. The same is true for a problem of a
-- stored record.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (
    incoming.resource, incoming.project_id, incoming.record_key, incoming.reason, incoming.pointer, incoming.payload
)
    incoming.*
FROM
    incoming
    ANTI JOIN (SELECT * FROM ledger.quarantine WHERE replayed_at IS NULL OR outcome = 'kept') AS held
        ON held.resource = incoming.resource
        AND held.project_id = incoming.project_id
        AND held.record_key IS NOT DISTINCT FROM incoming.record_key
        AND held.reason = incoming.reason
        AND held.pointer IS NOT DISTINCT FROM incoming.pointer
        AND held.payload = incoming.payload

-- name: drift
-- A field or value that taskhouse did not know is recorded once.
INSERT INTO ledger.drift BY NAME
SELECT DISTINCT ON (incoming.project_id, incoming.resource, incoming.path, incoming.example)
    incoming.*
FROM
    incoming
    ANTI JOIN ledger.drift AS held
        ON held.project_id = incoming.project_id
        AND held.resource = incoming.resource
        AND held.path = incoming.path
        AND held.example IS NOT DISTINCT FROM incoming.example

-- name: waiting
-- Whether anything waits in quarantine at all.
SELECT
    count(*) > 0
FROM
    ledger.quarantine
WHERE
    replayed_at IS NULL

-- name: replayed
UPDATE ledger.quarantine AS held
SET
    replayed_at = closed.replayed_at,
    outcome = closed.outcome
FROM
    closed
WHERE
    held.replayed_at IS NULL
    AND held.project_id = closed.project_id
    AND held.resource = closed.resource
    AND held.reason = closed.reason
    AND held.payload = closed.payload

-- name: superseded
-- A good record of the same key closes what was in quarantine before. If it only stands for a time (`since`), earlier
-- records wait for a replay, except those that no replay can read.
UPDATE ledger.quarantine AS held
SET
    replayed_at = good.seen_at,
    outcome = 'superseded'
FROM
    good
WHERE
    held.replayed_at IS NULL
    AND held.project_id = good.project_id
    AND held.resource = good.resource
    AND held.record_key = good.key
    AND held.first_seen_at <= good.seen_at
    AND (good.since IS NULL OR held.first_seen_at >= good.since OR held.kind = 'wrong_subject')

-- name: cursors_since
-- A state that stays the same keeps its beginning.
UPDATE incoming
SET
    state_since = stored.state_since
FROM
    ledger.cursors AS stored
WHERE
    stored.project_id = incoming.project_id
    AND stored.resource = incoming.resource
    AND stored.key = incoming.key
    AND stored.state IS NOT DISTINCT FROM incoming.state

-- name: cursors_delete
DELETE FROM ledger.cursors USING incoming
WHERE
    ledger.cursors.project_id = incoming.project_id
    AND ledger.cursors.resource = incoming.resource
    AND ledger.cursors.key = incoming.key

-- name: cursors_insert
INSERT INTO ledger.cursors BY NAME
SELECT
    * REPLACE (coalesce(state_since, updated_at) AS state_since)
FROM
    incoming

-- name: views_held
SELECT
    name,
    sha256
FROM
    ledger.views

-- name: views_forget
DELETE FROM ledger.views

-- name: views_made
INSERT INTO ledger.views BY NAME
SELECT
    unnest(CAST($names AS VARCHAR [])) AS name,
    unnest(CAST($digests AS VARCHAR [])) AS sha256,
    $now AS built_at
