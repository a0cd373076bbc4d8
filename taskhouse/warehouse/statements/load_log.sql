-- Load a batch of entries of runs' own logs: which of them are stored already?
--
-- `doubtful_positions` may be stored already. If there are any, `doubtful_entries` has every reading of them next to
-- what is stored, and `decide` says which lines are not inserted. Entries that another reading replaces go to
-- quarantine before `insert`.
--
-- When the cursors have moved, `close_placed` closes what waited in quarantine for the proof of its log.
-- `shortened_logs` were proved to end before some stored entries: those go to quarantine and are deleted.

-- name: doubtful_positions
-- Entries of the batch that may be stored already: they are before the cursor, as all stored entries are, or come
-- twice.
CREATE OR REPLACE TEMP TABLE doubtful_positions AS
SELECT
    batch.project_id,
    batch.run_id,
    batch.position
FROM
    batch_lines AS batch
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = batch.project_id
        AND log.resource = 'run_log'
        AND log.key = batch.run_id
WHERE
    batch.line_kind = 'event'
GROUP BY
    batch.project_id,
    batch.run_id,
    batch.position
HAVING
    count(*) > 1
    OR bool_or(coalesce(batch.position < TRY_CAST(log.position AS BIGINT), FALSE))

-- name: doubtful_entries
-- Every line of a doubtful entry, with what is stored at its position. The newest reading of a position counts; a
-- redacted text counts as equal to its original.
CREATE OR REPLACE TEMP TABLE doubtful_entries AS
WITH doubtful_lines AS (
    SELECT
        event.*,
        max(event.line) OVER (PARTITION BY event.project_id, event.run_id, event.position) AS newest
    FROM
        typed_events AS event
        SEMI JOIN doubtful_positions AS doubtful
            ON event.project_id = doubtful.project_id
            AND event.run_id = doubtful.run_id
            AND event.position = doubtful.position
),

stored AS (
    SELECT
        entry.*
    FROM
        raw.run_log_entries AS entry
        SEMI JOIN doubtful_positions AS doubtful
            ON entry.project_id = doubtful.project_id
            AND entry.run_id = doubtful.run_id
            AND entry.position = doubtful.position
)

SELECT
    doubtful_lines.line,
    doubtful_lines.segment,
    doubtful_lines.project_id,
    doubtful_lines.run_id,
    doubtful_lines.position,
    doubtful_lines.payload,
    doubtful_lines.line = doubtful_lines.newest AS counts,
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
    doubtful_lines
    INNER JOIN doubtful_lines AS final
        ON final.line = doubtful_lines.newest
    LEFT JOIN stored
        ON doubtful_lines.project_id = stored.project_id
        AND doubtful_lines.run_id = stored.run_id
        AND doubtful_lines.position = stored.position

-- name: decide
-- An entry of a run's own log is identified by its position, and stored once. A line without an incarnation is not
-- inserted.
INSERT INTO decisions BY NAME
SELECT
    line,
    CAST(NULL AS BIGINT) AS incarnation
FROM
    doubtful_entries
WHERE
    held
    OR NOT counts

-- name: keep_displaced
-- Entries that another reading of the log replaced, whether stored or from the same batch: kept in quarantine, once,
-- and closed there by their replacement.
INSERT INTO ledger.quarantine BY NAME
WITH displaced AS (
    SELECT
        project_id,
        run_id,
        position,
        held_payload AS payload,
        held_segment AS found_in
    FROM
        doubtful_entries
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
        segment AS found_in
    FROM
        doubtful_entries
    WHERE
        NOT counts
        AND payload <> final_payload
        AND payload IS DISTINCT FROM held_payload
)

SELECT DISTINCT ON (record_key, payload)
    'run_log' AS resource,
    project_id,
    run_id || '@' || position AS record_key,
    'replaced' AS kind,
    'the log contains another text at this position' AS reason,
    payload,
    $now AS first_seen_at,
    $now AS replayed_at,
    'superseded' AS outcome,
    found_in
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
    found_in

-- name: remove_displaced
DELETE FROM raw.run_log_entries USING doubtful_entries AS doubtful
WHERE
    raw.run_log_entries.project_id = doubtful.project_id
    AND raw.run_log_entries.run_id = doubtful.run_id
    AND raw.run_log_entries.position = doubtful.position
    AND doubtful.counts
    AND NOT doubtful.held
RETURNING
    raw.run_log_entries.segment,
    raw.run_log_entries.run_id,
    raw.run_log_entries.position,
    raw.run_log_entries.payload

-- name: keep_unplaced
-- Entries whose position in the run's own log is not known: kept with their text, once, until the log is proved.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key, payload)
    'run_log' AS resource,
    batch.project_id,
    batch.run_id AS record_key,
    'unplaced' AS kind,
    'the position of this entry in the run''s own log is not known' AS reason,
    batch.facts AS payload,
    $now AS first_seen_at,
    batch.segment AS found_in
FROM
    batch_lines AS batch
WHERE
    batch.line_kind = 'unplaced'
    AND NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = 'run_log'
            AND held.record_key = batch.run_id
            AND held.payload = batch.facts
    )
RETURNING
    found_in

-- name: insert
INSERT INTO raw.run_log_entries BY NAME
SELECT
    event.* EXCLUDE (source, stream_id, stream_ms, stream_seq, line),
    event.source AS pass_id
FROM
    typed_events AS event
    ANTI JOIN decisions AS decision
        ON event.line = decision.line

-- name: close_placed
-- In a log that was proved, every entry has its position.
UPDATE ledger.quarantine
SET
    replayed_at = $now,
    outcome = 'superseded'
FROM
    moved_cursors AS moved
WHERE
    moved.resource = 'run_log'
    AND moved.state IN ('settled', 'drained')
    AND ledger.quarantine.resource = 'run_log'
    AND ledger.quarantine.project_id = moved.project_id
    AND ledger.quarantine.record_key = moved.key
    AND ledger.quarantine.replayed_at IS NULL

-- name: shortened_logs
-- Logs that were proved to end before some stored entries that arrived before that reading.
CREATE OR REPLACE TEMP TABLE shortened_logs AS
SELECT
    project_id,
    run_id,
    arg_max(TRY_CAST(json_extract_string(facts, '$.position') AS BIGINT), line) AS position,
    arg_max(make_timestamptz(TRY_CAST(json_extract_string(facts, '$.cut_us') AS BIGINT)), line) AS before
FROM
    batch_lines
WHERE
    line_kind = 'mark'
    AND json_extract_string(facts, '$.cut_us') IS NOT NULL
GROUP BY
    project_id,
    run_id

-- name: keep_cut_off
-- The entries beyond the end of a log: the log has them at other positions, and they are also kept in quarantine.
INSERT INTO ledger.quarantine BY NAME
SELECT
    'run_log' AS resource,
    entry.project_id,
    entry.run_id || '@' || entry.position AS record_key,
    'beyond_end' AS kind,
    'the log ends before this position' AS reason,
    entry.payload,
    $now AS first_seen_at,
    $now AS replayed_at,
    'superseded' AS outcome,
    entry.segment AS found_in
FROM
    raw.run_log_entries AS entry
    INNER JOIN shortened_logs AS cut USING (project_id, run_id)
WHERE
    entry.position >= cut.position
    AND entry.received_at < cut.before

-- name: remove_cut_off
DELETE FROM raw.run_log_entries USING shortened_logs AS cut
WHERE
    raw.run_log_entries.project_id = cut.project_id
    AND raw.run_log_entries.run_id = cut.run_id
    AND raw.run_log_entries.position >= cut.position
    AND raw.run_log_entries.received_at < cut.before
RETURNING
    raw.run_log_entries.segment,
    raw.run_log_entries.run_id,
    raw.run_log_entries.position,
    raw.run_log_entries.payload

-- name: set_cursors_back
-- The cursor of a shortened log moves to its new end.
UPDATE ledger.cursors
SET
    position = CAST(cut.ends AS VARCHAR)
FROM
    (
        SELECT
            cut.project_id,
            cut.run_id,
            greatest(any_value(cut.position), max(entry.position) + 1) AS ends
        FROM
            shortened_logs AS cut
            LEFT JOIN raw.run_log_entries AS entry USING (project_id, run_id)
        GROUP BY
            cut.project_id,
            cut.run_id
    ) AS cut
WHERE
    ledger.cursors.project_id = cut.project_id
    AND ledger.cursors.resource = 'run_log'
    AND ledger.cursors.key = cut.run_id
