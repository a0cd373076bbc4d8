-- The doubtful events with their texts, which are read once more for it.
CREATE OR REPLACE TEMP TABLE contested AS
SELECT
    lines.line,
    lines.project_id,
    lines.run_id,
    lines.source,
    lines.stream_id,
    lines.stream_ms,
    lines.stream_seq,
    lines.payload
FROM
    lines
    SEMI JOIN doubtful
        ON lines.line = doubtful.line
