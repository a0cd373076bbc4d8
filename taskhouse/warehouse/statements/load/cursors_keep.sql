-- A mark without a position leaves the position where it was.
UPDATE moved
SET
    position = coalesce(moved.position, stored.position),
    leg = coalesce(moved.leg, stored.leg)
FROM
    ledger.cursors AS stored
WHERE
    stored.project_id = moved.project_id
    AND stored.resource = moved.resource
    AND stored.key = moved.key
