DELETE FROM raw.run_versions USING completed
WHERE
    raw.run_versions.project_id = completed.project_id
    AND raw.run_versions.run_id = completed.run_id
    AND raw.run_versions.valid_from = completed.valid_from
