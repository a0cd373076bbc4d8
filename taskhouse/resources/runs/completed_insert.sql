INSERT INTO raw.run_versions BY NAME
SELECT
    * EXCLUDE (bare_hash)
FROM
    completed
