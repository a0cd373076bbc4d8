-- Whether PostHog ever said what a task cost.
SELECT
    count(*) > 0 AS known
FROM
    main.task_cost_history
WHERE
    $projects IS NULL
    OR project_id IN (SELECT unnest($projects::BIGINT[]))
