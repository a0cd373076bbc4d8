INSERT INTO ledger.origin BY NAME
SELECT
    $id AS id,
    $host AS host,
    $now AS created_at,
    0 AS generation
