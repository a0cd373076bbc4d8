-- The cursor of a log that was cut stands where the log ends now.
UPDATE ledger.cursors
SET
    position = CAST(cut.ends AS VARCHAR)
FROM
    (
        SELECT
            cuts.project_id,
            cuts.run_id,
            greatest(any_value(cuts.position), max(entry.position) + 1) AS ends
        FROM
            cuts
            LEFT JOIN raw.run_log_entries AS entry USING (project_id, run_id)
        GROUP BY
            cuts.project_id,
            cuts.run_id
    ) AS cut
WHERE
    ledger.cursors.project_id = cut.project_id
    AND ledger.cursors.resource = 'run_log'
    AND ledger.cursors.key = cut.run_id
