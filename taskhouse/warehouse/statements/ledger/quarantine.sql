-- A bad record is kept once, however often it comes back before it is settled.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (incoming.resource, incoming.project_id, incoming.reason, incoming.payload)
    incoming.*
FROM
    incoming
    ANTI JOIN (SELECT * FROM ledger.quarantine WHERE replayed_at IS NULL) AS held
        ON held.resource = incoming.resource
        AND held.project_id = incoming.project_id
        AND held.reason = incoming.reason
        AND held.payload = incoming.payload
