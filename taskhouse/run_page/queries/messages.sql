-- The messages of the run; a text that is far too long for a page without its middle.
SELECT
    run_id,
    role,
    CASE
        WHEN length(text) <= $most THEN text
        ELSE left(text, $most // 2) || chr(10) || '[…]' || chr(10) || right(text, $most // 2)
    END AS text,
    characters,
    epoch_ms(started_at) AS at,
    first_ordinal AS ordinal
FROM
    messages
WHERE
    project_id = $project
    AND run_id = $run
ORDER BY
    number
