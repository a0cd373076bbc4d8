INSERT INTO ledger.segments BY NAME
SELECT
    $segment AS segment,
    $layer AS layer,
    $bytes AS bytes,
    $lines AS lines,
    $inserted AS inserted,
    $duplicates AS duplicates,
    $set_aside AS set_aside,
    $marks AS marks,
    $inserted AS held,
    $checksum AS checksum,
    $first_ms AS first_ms,
    $last_ms AS last_ms,
    $now AS loaded_at
