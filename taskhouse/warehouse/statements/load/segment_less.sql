-- Rows of a segment that are no longer held: another reading took their place, or the log ends before them.
UPDATE ledger.segments
SET
    held = held - $rows,
    checksum = checksum - $checksum
WHERE
    segment = $segment
