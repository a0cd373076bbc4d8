-- Where in the timeline an event is of which only the structure was kept.
SELECT ordinal
FROM
    run_timeline
WHERE
    project_id = $project
    AND run_id = $run
    AND redacted
    AND main.text_hidden(redacted, payload)
