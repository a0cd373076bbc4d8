-- What a pass says that it received and brought, against what names it. Pages that brought nothing are forgotten in time,
-- and a pass that was interrupted may have counted what its last commit did not keep. Versions of runs are left out: a run's
-- own row takes the place of what its task told in an earlier pass.
WITH page AS (
    SELECT
        pass_id,
        count(*) AS pages,
        max(page) AS last_page
    FROM
        ledger.pages
    GROUP BY
        pass_id
),

added AS (
    SELECT
        pass_id,
        count(*) AS rows
    FROM
        (
            {tables}
        )
    GROUP BY
        pass_id
)

SELECT
    'pass ' || pass.pass_id AS what,
    pass.rows_seen = pass.rows_distinct + pass.duplicates
    AND coalesce(page.last_page, 0) <= pass.pages
    AND coalesce(page.pages, 0) <= pass.pages
    AND coalesce(added.rows, 0) <= pass.rows_added
    AND (
        pass.verdict <> 'complete'
        OR (
            pass.quarantined = 0
            AND (pass.started_at < $pages_since OR coalesce(page.pages, 0) = pass.pages)
            AND (
                pass.resource NOT IN ({alone})
                OR coalesce(added.rows, 0) = pass.rows_added
            )
        )
    ) AS fine
FROM
    ledger.passes AS pass
    LEFT JOIN page USING (pass_id)
    LEFT JOIN added USING (pass_id)
