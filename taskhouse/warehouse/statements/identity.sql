-- Which host a warehouse belongs to, and which state of it this is: the one row of ledger.origin.

-- name: read
SELECT
    id,
    host,
    created_at,
    generation
FROM
    ledger.origin

-- name: read_earlier
-- The same of a file from before there were ids; the migration gives it the id that is computed here.
SELECT
    md5(CAST(epoch_us(created_at) AS VARCHAR)) AS id,
    host,
    created_at,
    0 AS generation
FROM
    ledger.origin

-- name: begin
INSERT INTO ledger.origin BY NAME
SELECT
    $id AS id,
    $host AS host,
    $now AS created_at,
    0 AS generation

-- name: holds
-- A row if anything is held that a server said: a proof, a record, or what could not be read. As subqueries it takes
-- some twenty times as long to plan.
SELECT 1 FROM ledger.passes WHERE verdict = 'complete'
UNION ALL
SELECT 1 FROM ledger.segments
UNION ALL
SELECT 1 FROM ledger.quarantine
UNION ALL
{tables}
LIMIT 1

-- name: anew_passes
-- What a host was asked that never gave anything.
DELETE FROM ledger.passes

-- name: anew_cursors
DELETE FROM ledger.cursors

-- name: anew_host
UPDATE ledger.origin
SET
    host = $host

-- name: advance
UPDATE ledger.origin
SET
    generation = generation + 1
RETURNING
    id,
    host,
    created_at,
    generation

-- name: number
UPDATE ledger.origin
SET
    generation = $generation
