-- What the server refused for as long as it may have had it. What a stream lost stays lost, whatever comes later; a log
-- that is read after all is read from its beginning. A lost stream is filled from the log only where the agent's numbers
-- prove it: a settled log, every session update of both layers numbered, and each boot whole from its number 1.
INSERT INTO found BY NAME
WITH counted AS (
    SELECT
        project_id,
        run_id,
        live,
        first > coalesce(
            max(last) OVER (
                PARTITION BY project_id, run_id, boot
                ORDER BY first
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            0
        ) + 1 AS is_after_hole
    FROM
        numbered
),

unnumbered AS (
    SELECT
        project_id,
        run_id
    FROM
        raw.run_events
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        event_id IS NULL
        AND session_update IS NOT NULL
    UNION
    SELECT
        project_id,
        run_id
    FROM
        raw.run_log_entries
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        event_id IS NULL
        AND session_update IS NOT NULL
),

proved AS (
    SELECT
        project_id,
        run_id
    FROM
        counted
        ANTI JOIN unnumbered USING (project_id, run_id)
    GROUP BY
        project_id,
        run_id
    HAVING
        bool_or(NOT live)
        AND NOT bool_or(is_after_hole)
)

SELECT
    lost.project_id,
    lost.key AS run_id,
    CASE WHEN lost.resource = 'run_stream_lost' THEN lost.position END AS after_stream_id,
    CAST(NULL AS VARCHAR) AS before_stream_id,
    string_agg(
        CASE lost.resource WHEN 'run_stream_lost' THEN 'the stream' ELSE 'the log' END
        || CASE lost.state WHEN 'refused' THEN ' was refused (403)' ELSE ' was not found (404)' END
        || ' for as long as the server may have had it',
        '; '
        ORDER BY
            lost.resource DESC
    ) AS how,
    FALSE AS certain,
    bool_and(lost.resource = 'run_stream_lost')
    AND coalesce(any_value(log.state) = 'settled', FALSE)
    AND bool_or(proved.run_id IS NOT NULL) AS repaired_from_log
FROM
    ledger.cursors AS lost
    SEMI JOIN judged
        ON lost.project_id = judged.project_id
        AND lost.key = judged.run_id
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = lost.project_id
        AND log.key = lost.key
        AND log.resource = 'run_log'
    LEFT JOIN proved
        ON lost.project_id = proved.project_id
        AND lost.key = proved.run_id
WHERE
    lost.resource = 'run_stream_lost'
    OR (lost.resource = 'run_log_lost' AND log.state = 'lost')
GROUP BY
    ALL
