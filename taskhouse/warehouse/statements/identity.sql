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
-- A row if the warehouse contains anything from a server: a proof, a record, or something unreadable. With subqueries,
-- planning takes about twenty times as long.
SELECT 1 FROM ledger.passes WHERE verdict = 'complete'
UNION ALL
SELECT 1 FROM ledger.segments
UNION ALL
SELECT 1 FROM ledger.quarantine
UNION ALL
{tables}
LIMIT 1

-- name: anew_passes
-- Passes and cursors of a host that never sent anything.
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
