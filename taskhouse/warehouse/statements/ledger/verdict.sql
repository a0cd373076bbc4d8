SELECT
    verdict
FROM
    ledger.passes
WHERE
    pass_id = $pass_id
