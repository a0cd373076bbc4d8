-- A mark without a position leaves the position where it was, and a state that stays the same has held since it began. The
-- cursor of a log never goes back: whatever is held stands before it.
UPDATE moved
SET
    position = CASE
        WHEN moved.resource = 'run_log' AND TRY_CAST(moved.position AS BIGINT) < TRY_CAST(stored.position AS BIGINT)
            THEN stored.position
        ELSE coalesce(moved.position, stored.position)
    END,
    leg = coalesce(moved.leg, stored.leg),
    checksum = CASE WHEN moved.position IS NULL THEN stored.checksum ELSE moved.checksum END,
    since = CASE WHEN moved.unbroken AND stored.state IS NOT DISTINCT FROM moved.state THEN stored.since ELSE moved.since END
FROM
    ledger.cursors AS stored
WHERE
    stored.project_id = moved.project_id
    AND stored.resource = moved.resource
    AND stored.key = moved.key
