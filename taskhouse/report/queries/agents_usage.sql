-- Whether PostHog was ever asked what a task cost.
SELECT
    count(as_of) > 0 AS known
FROM
    main.task_cost
WHERE
    $projects IS NULL
    OR project_id IN (SELECT unnest($projects::BIGINT[]))
