-- The run in its last known state, and the host that it was read from.
SELECT
    runs.* EXCLUDE (payload),
    origin.host,
    (
        SELECT count(*)
        FROM ledger.gaps AS gap
        WHERE
            gap.project_id = $project
            AND gap.run_id = $run
    ) AS known_gaps,
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
    runs.project_id = $project
    AND runs.run_id = $run
