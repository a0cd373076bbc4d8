-- Every repository that is known, by readiness or by a run.
SELECT
    repository
FROM
    main.repositories
UNION
SELECT
    repository
FROM
    main.readiness
UNION
SELECT
    repository
FROM
    main.tasks
WHERE
    repository IS NOT NULL
ORDER BY
    repository
