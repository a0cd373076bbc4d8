-- What is known to be missing; damage in the spool that names no project may be of any.
SELECT
    (
        SELECT count(*) FROM ledger.gaps
        WHERE NOT repaired_from_log AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    ) AS gaps,
    (
        SELECT count(*) FROM ledger.quarantine
        WHERE
            replayed_at IS NULL
            AND ($projects IS NULL OR project_id IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    ) AS quarantined
