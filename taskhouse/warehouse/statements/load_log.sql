-- Which entries of a batch of runs' own logs are held already, and the insertion of the others, in order: `doubtful`
-- are positions that may be held; if there are any, `contested` has every reading of them, `judged` the lines that are
-- not inserted, and what another reading displaces goes to quarantine. After the cursors have moved, `placed` settles
-- what is proved, and where a log was proved to end sooner (`cuts`), what stands beyond its end is taken out.

-- name: doubtful
-- Entries of the batch that may be held already: they stand before the cursor, which never stands before what is held,
-- or come twice.
CREATE OR REPLACE TEMP TABLE doubtful AS
SELECT
    staged.project_id,
    staged.run_id,
    staged.position
FROM
    staged
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = staged.project_id
        AND log.resource = 'run_log'
        AND log.key = staged.run_id
WHERE
    staged.line_kind = 'event'
GROUP BY
    staged.project_id,
    staged.run_id,
    staged.position
HAVING
    count(*) > 1
    OR bool_or(coalesce(staged.position < TRY_CAST(log.position AS BIGINT), FALSE))

-- name: contested
-- Every line of a doubtful entry, with what is held at its position. The newest reading of a position counts; a text of
-- which something was cut is no other text than the one that it was cut from.
CREATE OR REPLACE TEMP TABLE contested AS
WITH told AS (
    SELECT
        typed.*,
        max(typed.line) OVER (PARTITION BY typed.project_id, typed.run_id, typed.position) AS newest
    FROM
        typed
        SEMI JOIN doubtful
            ON typed.project_id = doubtful.project_id
            AND typed.run_id = doubtful.run_id
            AND typed.position = doubtful.position
),

stored AS (
    SELECT
        entry.*
    FROM
        raw.run_log_entries AS entry
        SEMI JOIN doubtful
            ON entry.project_id = doubtful.project_id
            AND entry.run_id = doubtful.run_id
            AND entry.position = doubtful.position
)

SELECT
    told.line,
    told.segment,
    told.project_id,
    told.run_id,
    told.position,
    told.payload,
    told.line = told.newest AS counts,
    final.payload AS final_payload,
    stored.payload AS held_payload,
    stored.segment AS held_segment,
    stored.position IS NOT NULL
    AND (
        final.payload = stored.payload
        OR (
            (final.redacted OR stored.redacted)
            AND final.occurred_at = stored.occurred_at
            AND final.event_id IS NOT DISTINCT FROM stored.event_id
            AND final.method IS NOT DISTINCT FROM stored.method
        )
    ) AS held
FROM
    told
    INNER JOIN told AS final
        ON final.line = told.newest
    LEFT JOIN stored
        ON told.project_id = stored.project_id
        AND told.run_id = stored.run_id
        AND told.position = stored.position

-- name: judged
-- An entry of a run's own log is known by its position, and held once. A line without an incarnation is not inserted.
CREATE OR REPLACE TEMP TABLE judged AS
SELECT
    line,
    CAST(NULL AS BIGINT) AS incarnation
FROM
    contested
WHERE
    held
    OR NOT counts

-- name: displaced
-- What another reading of a log put in place of what was held, or of what came in the same batch: kept in quarantine,
-- once, and settled there by the entry that replaces it.
INSERT INTO ledger.quarantine BY NAME
WITH displaced AS (
    SELECT
        project_id,
        run_id,
        position,
        held_payload AS payload,
        held_segment AS brought_by
    FROM
        contested
    WHERE
        counts
        AND NOT held
        AND held_payload IS NOT NULL
    UNION ALL
    SELECT
        project_id,
        run_id,
        position,
        payload,
        segment AS brought_by
    FROM
        contested
    WHERE
        NOT counts
        AND payload <> final_payload
        AND payload IS DISTINCT FROM held_payload
)

SELECT DISTINCT ON (record_key, payload)
    'run_log' AS resource,
    project_id,
    run_id || '@' || position AS record_key,
    'the log holds another text at this position' AS reason,
    payload,
    $now AS first_seen_at,
    $now AS replayed_at,
    'superseded' AS outcome,
    brought_by
FROM
    displaced
WHERE
    NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS known
        WHERE
            known.resource = 'run_log'
            AND known.record_key = displaced.run_id || '@' || displaced.position
            AND known.payload = displaced.payload
    )
ORDER BY
    record_key,
    payload
RETURNING
    brought_by

-- name: replace
DELETE FROM raw.run_log_entries USING contested
WHERE
    raw.run_log_entries.project_id = contested.project_id
    AND raw.run_log_entries.run_id = contested.run_id
    AND raw.run_log_entries.position = contested.position
    AND contested.counts
    AND NOT contested.held
RETURNING
    raw.run_log_entries.segment,
    raw.run_log_entries.run_id,
    raw.run_log_entries.position,
    raw.run_log_entries.payload

-- name: unplaced
-- Entries whose place in the run's own log is not known: kept with their text, once, until the log is proved.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key, payload)
    'run_log' AS resource,
    staged.project_id,
    staged.run_id AS record_key,
    'the place of this entry in the run''s own log is not known' AS reason,
    staged.facts AS payload,
    $now AS first_seen_at,
    staged.segment AS brought_by
FROM
    staged
WHERE
    staged.line_kind = 'unplaced'
    AND NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = 'run_log'
            AND held.record_key = staged.run_id
            AND held.payload = staged.facts
    )
RETURNING
    brought_by

-- name: insert
INSERT INTO raw.run_log_entries BY NAME
SELECT
    typed.* EXCLUDE (source, stream_id, stream_ms, stream_seq, line),
    typed.source AS pass_id
FROM
    typed
    ANTI JOIN judged
        ON typed.line = judged.line

-- name: placed
-- A log that was proved has every entry in its place.
UPDATE ledger.quarantine
SET
    replayed_at = $now,
    outcome = 'superseded'
FROM
    moved
WHERE
    moved.resource = 'run_log'
    AND moved.state IN ('settled', 'drained')
    AND ledger.quarantine.resource = 'run_log'
    AND ledger.quarantine.project_id = moved.project_id
    AND ledger.quarantine.record_key = moved.key
    AND ledger.quarantine.replayed_at IS NULL

-- name: cuts
-- Logs that were proved to end sooner than what is held of them, and what arrived before that reading.
CREATE OR REPLACE TEMP TABLE cuts AS
SELECT
    project_id,
    run_id,
    arg_max(TRY_CAST(json_extract_string(facts, '$.position') AS BIGINT), line) AS position,
    arg_max(make_timestamptz(TRY_CAST(json_extract_string(facts, '$.cut_us') AS BIGINT)), line) AS before
FROM
    staged
WHERE
    line_kind = 'mark'
    AND json_extract_string(facts, '$.cut_us') IS NOT NULL
GROUP BY
    project_id,
    run_id

-- name: cut_off
-- The entries beyond the end of a log: they stand in the log at other positions, and are kept in quarantine besides.
INSERT INTO ledger.quarantine BY NAME
SELECT
    'run_log' AS resource,
    entry.project_id,
    entry.run_id || '@' || entry.position AS record_key,
    'the log ends before this position' AS reason,
    entry.payload,
    $now AS first_seen_at,
    $now AS replayed_at,
    'superseded' AS outcome,
    entry.segment AS brought_by
FROM
    raw.run_log_entries AS entry
    INNER JOIN cuts USING (project_id, run_id)
WHERE
    entry.position >= cuts.position
    AND entry.received_at < cuts.before

-- name: shorten
DELETE FROM raw.run_log_entries USING cuts
WHERE
    raw.run_log_entries.project_id = cuts.project_id
    AND raw.run_log_entries.run_id = cuts.run_id
    AND raw.run_log_entries.position >= cuts.position
    AND raw.run_log_entries.received_at < cuts.before
RETURNING
    raw.run_log_entries.segment,
    raw.run_log_entries.run_id,
    raw.run_log_entries.position,
    raw.run_log_entries.payload

-- name: cursors
-- The cursor of a log that was cut stands where the log ends now.
UPDATE ledger.cursors
SET
    position = CAST(cut.ends AS VARCHAR)
FROM
    (
        SELECT
            cuts.project_id,
            cuts.run_id,
            greatest(any_value(cuts.position), max(entry.position) + 1) AS ends
        FROM
            cuts
            LEFT JOIN raw.run_log_entries AS entry USING (project_id, run_id)
        GROUP BY
            cuts.project_id,
            cuts.run_id
    ) AS cut
WHERE
    ledger.cursors.project_id = cut.project_id
    AND ledger.cursors.resource = 'run_log'
    AND ledger.cursors.key = cut.run_id
