-- Find the gaps of some runs and replace their rows in ledger.gaps. The temp table `searched` has the runs (project_id,
-- run_id); every query of the `gaps_` files reads it.
--
-- Order: `begin`; then `gaps_numbers`, `gaps_streams`, `gaps_seams`, `gaps_ends`, which add to `found_gaps`; then
-- `keep` to `remember`. If all that fails for a run, `find_undetermined` runs between `begin` and `keep`.

-- name: begin
-- No gap was found yet.
CREATE OR REPLACE TEMP TABLE found_gaps (
    project_id BIGINT,
    run_id VARCHAR,
    after_stream_id VARCHAR,
    before_stream_id VARCHAR,
    kind VARCHAR,
    how VARCHAR,
    certain BOOLEAN,
    repaired_from_log BOOLEAN
)

-- name: find_undetermined
-- A run whose gaps could not be determined gets one gap that says so.
INSERT INTO found_gaps BY NAME
SELECT
    project_id,
    run_id,
    'undetermined' AS kind,
    'what is missing could not be determined: ' || CAST($reason AS VARCHAR) AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    searched

-- name: keep
-- A gap that was known before keeps its detection time.
UPDATE found_gaps
SET
    detected_at = held.detected_at
FROM
    ledger.gaps AS held
WHERE
    held.project_id = found_gaps.project_id
    AND held.run_id = found_gaps.run_id
    AND held.after_stream_id IS NOT DISTINCT FROM found_gaps.after_stream_id
    AND held.before_stream_id IS NOT DISTINCT FROM found_gaps.before_stream_id
    AND held.certain = found_gaps.certain

-- name: delete
DELETE FROM ledger.gaps USING searched
WHERE
    ledger.gaps.project_id = searched.project_id
    AND ledger.gaps.run_id = searched.run_id

-- name: insert
INSERT INTO ledger.gaps BY NAME
SELECT
    *
FROM
    found_gaps

-- name: forget
DELETE FROM ledger.cursors USING searched
WHERE
    ledger.cursors.project_id = searched.project_id
    AND ledger.cursors.resource = 'run_gaps'
    AND ledger.cursors.key = searched.run_id

-- name: remember
-- How far both layers of the runs were read when their gaps were determined.
INSERT INTO ledger.cursors BY NAME
SELECT
    read.project_id,
    'run_gaps' AS resource,
    read.key,
    string_agg(read.resource || ' ' || coalesce(read.position, ''), ', ' ORDER BY read.resource) AS position,
    'judged' AS state,
    CAST($now AS TIMESTAMPTZ) AS updated_at,
    'judge' AS updated_by
FROM
    ledger.cursors AS read
    SEMI JOIN searched
        ON read.project_id = searched.project_id
        AND read.key = searched.run_id
WHERE
    read.resource IN ('run_stream', 'run_log', 'run_stream_lost', 'run_stream_trimmed', 'run_log_lost', 'run_log_shown')
GROUP BY
    read.project_id,
    read.key
