-- What a warehouse does, drawn by tests: rows come, change and vanish. Each statement ends with a line of its own.

INSERT INTO raw.run_events BY NAME SELECT $project AS project_id, 't' AS task_id, $run AS run_id, 0 AS
    incarnation, 'django' AS source, epoch_ms($now) || '-' || range AS stream_id, epoch_ms($now)::UBIGINT AS
    stream_ms, range::UBIGINT AS stream_seq, 'notification' AS kind, 'x' AS method, $now AS received_at, $now
    AS occurred_at, '{"type": "notification"}' AS payload, true AS json_ok, false AS redacted, 's' || $number
    AS segment FROM range($rows)
;

INSERT INTO raw.run_log_entries BY NAME SELECT $project AS project_id, 't' AS task_id, $run AS run_id, $number
    * 1000 + range AS position, 'k' AS kind, $now AS received_at, $now AS occurred_at, '{}' AS payload, true
    AS json_ok, false AS redacted, 'p' AS pass_id, 's' || $number AS segment FROM range($rows)
;

DELETE FROM raw.run_log_entries WHERE project_id = $project AND run_id = $run AND position % 7 = 3
;

INSERT INTO raw.run_versions BY NAME SELECT $project AS project_id, 't' AS task_id, $run AS run_id, $now AS
    valid_from, 'list' AS observed_in, 'in_progress' AS status, 'c' || $number AS content_hash, '{"nul":
    "\u0000"}' AS payload, 'p' AS pass_id, 1 AS page, chr(0) || 'text' AS error_message
;

INSERT INTO raw.run_versions BY NAME SELECT $project AS project_id, 't' AS task_id, $run AS run_id, $now
    + INTERVAL 1 SECOND AS valid_from, 'list' AS observed_in, 'completed' AS status, 'c' || $number AS content_hash, '{"nul":
    "\u0000"}' AS payload, 'p' AS pass_id, 1 AS page, chr(0) || 'text' AS error_message
;

DELETE FROM raw.run_versions WHERE project_id = $project AND run_id = $run AND status = 'in_progress'
;

INSERT INTO raw.task_sightings BY NAME SELECT $project AS project_id, 't' || $number AS task_id, $now AS
    first_seen_at, $now AS last_seen_at, 'p' AS pass_id, 1 AS page, 'p' AS last_pass_id
;

UPDATE raw.task_sightings SET last_seen_at = $now, last_pass_id = 'p' || $number WHERE hash(task_id) % 2 = 0
;

INSERT INTO ledger.gaps BY NAME SELECT $project AS project_id, $run AS run_id, $now AS detected_at, 'h' AS
    how, true AS certain, false AS repaired_from_log FROM range(2)
;

DELETE FROM ledger.gaps WHERE project_id = $project AND run_id = $run
;

UPDATE ledger.gaps SET repaired_from_log = true WHERE project_id = $project AND run_id = $run
;

INSERT INTO ledger.quarantine BY NAME SELECT $project AS project_id, 'tasks' AS resource, 'r' AS reason, 'x'
    || $number AS payload, $now AS first_seen_at, 'p' AS found_in
;

UPDATE ledger.quarantine SET replayed_at = $now, outcome = 'superseded' WHERE replayed_at IS NULL
;

INSERT INTO ledger.cursors BY NAME SELECT $project AS project_id, 'run_log' AS resource, $run || $number AS
    key, '5' AS position, 'drained' AS state, $now AS updated_at, $now AS state_since, 's' AS updated_by
;

UPDATE ledger.cursors SET state = 'settled', state_since = $now, position = $number WHERE hash(key) % 3 = 0
;
