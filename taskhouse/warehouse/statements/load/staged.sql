-- What the batch is judged by: every line without its text, which is kept only of the few lines that are no events.
CREATE OR REPLACE TEMP TABLE staged AS
SELECT
    * EXCLUDE (payload),
    CASE WHEN line_kind <> 'event' THEN payload END AS facts
FROM
    lines
