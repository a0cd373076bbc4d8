-- The run in its last known state, and the host that it was read from.
SELECT
    runs.* EXCLUDE (payload),
    origin.host,
    EXISTS (
        SELECT 1
        FROM ledger.gaps AS gap
        WHERE
            gap.project_id = runs.project_id
            AND gap.run_id = runs.run_id
    ) AS has_gaps,
    json_extract_string(main.event_document(runs.payload), '$.task_summary') AS summary,
    list_distinct(
        list_filter(
            list_prepend(
                runs.pr_url, json_extract_string(main.event_document(runs.payload), '$.output.pr_urls[*]')
            ),
            lambda url: url IS NOT NULL
        )
    ) AS pr_urls
FROM
    runs
    CROSS JOIN (SELECT any_value(host) AS host FROM ledger.origin) AS origin
WHERE
    project_id = $project
    AND run_id = $run
