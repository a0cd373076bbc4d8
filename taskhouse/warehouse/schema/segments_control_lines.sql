-- Lines that are no events, and say how connections began and ended and how far cursors moved:
-- lines = inserted + duplicates + quarantined + control_lines.
ALTER TABLE ledger.segments RENAME COLUMN marks TO control_lines
