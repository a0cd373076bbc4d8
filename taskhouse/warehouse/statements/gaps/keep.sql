-- A gap that was known before keeps the time when it was detected.
UPDATE found
SET
    detected_at = held.detected_at
FROM
    ledger.gaps AS held
WHERE
    held.project_id = found.project_id
    AND held.run_id = found.run_id
    AND held.after_stream_id IS NOT DISTINCT FROM found.after_stream_id
    AND held.before_stream_id IS NOT DISTINCT FROM found.before_stream_id
    AND held.certain = found.certain
