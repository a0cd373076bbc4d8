-- Every line of a doubtful entry, with what is held at its position. The newest reading of a position counts; a text of
-- which something was cut is no other text than the one that it was cut from.
CREATE OR REPLACE TEMP TABLE contested AS
WITH told AS (
    SELECT
        typed.*,
        max(typed.line) OVER (PARTITION BY typed.project_id, typed.run_id, typed.position) AS newest
    FROM
        typed
        SEMI JOIN doubtful
            ON typed.project_id = doubtful.project_id
            AND typed.run_id = doubtful.run_id
            AND typed.position = doubtful.position
),

stored AS (
    SELECT
        entry.*
    FROM
        raw.run_log_entries AS entry
        SEMI JOIN doubtful
            ON entry.project_id = doubtful.project_id
            AND entry.run_id = doubtful.run_id
            AND entry.position = doubtful.position
)

SELECT
    told.line,
    told.segment,
    told.project_id,
    told.run_id,
    told.position,
    told.payload,
    told.line = told.newest AS counts,
    final.payload AS final_payload,
    stored.payload AS held_payload,
    stored.segment AS held_segment,
    stored.position IS NOT NULL
    AND (
        final.payload = stored.payload
        OR (
            (final.redacted OR stored.redacted)
            AND final.occurred_at = stored.occurred_at
            AND final.event_id IS NOT DISTINCT FROM stored.event_id
            AND final.method IS NOT DISTINCT FROM stored.method
        )
    ) AS held
FROM
    told
    INNER JOIN told AS final
        ON final.line = told.newest
    LEFT JOIN stored
        ON told.project_id = stored.project_id
        AND told.run_id = stored.run_id
        AND told.position = stored.position
