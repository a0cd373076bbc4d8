-- The longest window over which readiness is known.
SELECT
    max(window_days) AS days
FROM
    main.readiness
WHERE
    evidence = 'scan'
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
