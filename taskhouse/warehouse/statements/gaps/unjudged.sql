-- A run that could not be judged: nothing is known of what it lacks, and that stands in place of its gaps.
INSERT INTO found BY NAME
SELECT
    project_id,
    run_id,
    'what is missing could not be judged: ' || CAST($reason AS VARCHAR) AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    judged
