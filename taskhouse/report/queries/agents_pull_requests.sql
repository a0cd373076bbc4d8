-- Pull requests that were opened, and merged, in each period: first seen so in it. If it is not known that this was
-- after the day before the period, they count as unsure instead: a first sync sees many that were merged long ago.
WITH bound AS (
    SELECT
        number,
        main.day_start(since) AS first,
        main.day_start(since - 1) AS sure,
        main.day_start(until + 1) AS over
    FROM
        agents_periods
)

SELECT
    bound.number,
    count(*) FILTER (WHERE opened_before >= first AND opened_before < over AND opened_after >= sure) AS opened,
    count(*) FILTER (WHERE opened_before >= first AND opened_before < over AND opened_after < sure) AS opened_unsure,
    count(*) FILTER (WHERE request.merged_before >= first AND request.merged_before < over
        AND request.merged_after >= sure) AS merged,
    count(*) FILTER (WHERE request.merged_before >= first AND request.merged_before < over
        AND request.merged_after < sure) AS merged_unsure,
    count(cost.cost_usd) FILTER (WHERE request.merged_before >= first AND request.merged_before < over
        AND request.merged_after >= sure) AS cost_known,
    round(
        sum(cost.cost_usd) FILTER (
            WHERE request.merged_before >= first AND request.merged_before < over AND request.merged_after >= sure
        ),
        6
    ) AS cost_usd
FROM
    bound
    CROSS JOIN main.pr_history AS request
    INNER JOIN main.pr_cost AS cost
        ON request.project_id = cost.project_id
        AND request.pr_url = cost.pr_url
WHERE
    request.is_current
    AND ($projects IS NULL OR request.project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR request.repository GLOB $pattern)
    AND ($names IS NULL OR request.repository IN (SELECT unnest($names::VARCHAR[])))
GROUP BY
    bound.number
ORDER BY
    bound.number
