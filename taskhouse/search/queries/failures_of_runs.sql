-- Why some runs failed, according to the server; reopening a run clears its message, so all versions are read.
WITH wanted AS (
    SELECT
        unnest($projects) AS project_id,
        unnest($runs) AS run_id
)

SELECT
    version.project_id,
    version.run_id,
    'error' AS kind,
    '' AS place,
    epoch_ms(coalesce(version.completed_at, min(version.valid_from))) AS at,
    main.plain_text(version.error_message) AS text
FROM
    main.run_history AS version
    SEMI JOIN wanted
        ON version.project_id = wanted.project_id
        AND version.run_id = wanted.run_id
WHERE
    version.error_message IS NOT NULL
GROUP BY
    version.project_id,
    version.run_id,
    version.error_message,
    version.completed_at
