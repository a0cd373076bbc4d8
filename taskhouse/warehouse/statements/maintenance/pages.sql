-- Pages that were read before a moment and brought nothing that is held.
DELETE FROM ledger.pages AS page
WHERE
    fetched_at < $before
    AND NOT EXISTS (
        FROM
            (
                {tables}
            ) AS named
        WHERE
            named.pass_id = page.pass_id
            AND named.page = page.page
    )
RETURNING
    pass_id
