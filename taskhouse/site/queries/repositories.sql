-- The repositories that are there, in any project.
SELECT DISTINCT repository
FROM
    repositories
WHERE
    absent_since IS NULL
ORDER BY
    repository
