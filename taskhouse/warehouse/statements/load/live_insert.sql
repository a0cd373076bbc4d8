INSERT INTO raw.run_events BY NAME
SELECT
    typed.* EXCLUDE (position, first_event_id, line),
    coalesce(judged.incarnation, 0) AS incarnation
FROM
    typed
    LEFT JOIN judged
        ON typed.line = judged.line
WHERE
    judged.line IS NULL
    OR judged.incarnation IS NOT NULL
