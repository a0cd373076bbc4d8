-- The server's last two informed answers about a repository and window up to the end of a day: the newer first.
SELECT
    payload
FROM
    main.readiness
WHERE
    project_id = $project_id
    AND repository = $repository
    AND window_days = $window
    AND observed_at < main.day_start($day::DATE + 1)
    AND evidence = 'scan'
ORDER BY
    observed_at DESC
LIMIT 2
