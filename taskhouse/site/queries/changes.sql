-- Changes of readiness, newest first; one for all windows that changed alike on a day.
SELECT
    change.project_id,
    change.repository,
    change.day,
    list_sort(list(change.window_days)) AS windows,
    change.from_state,
    change.to_state,
    change.direction,
    change.cause,
    any_value(change.capability) AS capability,
    any_value(change.reason) AS reason
FROM
    readiness_changes AS change
    INNER JOIN repositories AS known
        ON change.project_id = known.project_id
        AND change.repository = known.repository
        AND known.absent_since IS NULL
WHERE
    change.day >= $since
GROUP BY
    change.project_id,
    change.repository,
    change.day,
    change.from_state,
    change.to_state,
    change.direction,
    change.cause
ORDER BY
    change.day DESC,
    windows,
    change.to_state
