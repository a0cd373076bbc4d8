-- One row per event of a run's live stream, with the exact text that arrived.
SELECT
    *
FROM
    raw.run_events
