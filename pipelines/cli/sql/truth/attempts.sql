SELECT
    run_id,
    count(*) AS attempts
FROM
    main.run_attempts
WHERE
    project_id = $project_id
GROUP BY
    run_id
