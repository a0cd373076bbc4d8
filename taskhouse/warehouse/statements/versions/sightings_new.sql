-- Something seen for the first time, or again after an absence, begins a new stretch.
INSERT INTO raw.{table} BY NAME
SELECT
    project_id,
    {key},
    greatest(min(seen.seen_at), max(ended.absent_since)) AS first_seen_at,
    greatest(max(seen.seen_at), max(ended.absent_since)) AS last_seen_at,
    any_value(seen.pass_id) AS pass_id,
    min(seen.page) AS page,
    any_value(seen.pass_id) AS last_pass_id
FROM
    seen
    ANTI JOIN (SELECT * FROM raw.{table} WHERE absent_since IS NULL) AS present USING (project_id, {key})
    LEFT JOIN raw.{table} AS ended USING (project_id, {key})
GROUP BY
    project_id,
    {key}
