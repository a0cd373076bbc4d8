-- Something seen for the first time, or again after an absence, begins a new stretch.
INSERT INTO raw.{table} BY NAME
SELECT
    seen.project_id,
    seen.key AS {key},
    min(seen.seen_at) AS first_seen_at,
    max(seen.seen_at) AS last_seen_at,
    any_value(seen.pass_id) AS pass_id
FROM
    seen
    ANTI JOIN (SELECT * FROM raw.{table} WHERE absent_since IS NULL) AS present
        ON present.project_id = seen.project_id
        AND present.{key} = seen.key
GROUP BY
    seen.project_id,
    seen.key
