-- Keys of what is listed now. {table}, {key} and {where} are names from our own schema.
SELECT
    {key}
FROM
    raw.{table}
WHERE
    project_id = $project_id
    AND absent_since IS NULL{where}
ORDER BY
    {key}
