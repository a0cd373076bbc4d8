-- A bad record is kept once, however often it comes back.
INSERT INTO ledger.quarantine BY NAME
SELECT
    incoming.*
FROM
    incoming
    ANTI JOIN ledger.quarantine AS held
        ON held.resource = incoming.resource
        AND held.project_id = incoming.project_id
        AND held.reason = incoming.reason
        AND held.payload = incoming.payload
