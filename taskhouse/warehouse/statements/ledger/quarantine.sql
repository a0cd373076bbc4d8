-- A bad record is kept once, however often it comes back before it is settled; so is what was amiss with a kept one.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (
    incoming.resource, incoming.project_id, incoming.record_key, incoming.reason, incoming.pointer, incoming.payload
)
    incoming.*
FROM
    incoming
    ANTI JOIN (SELECT * FROM ledger.quarantine WHERE replayed_at IS NULL OR outcome = 'kept') AS held
        ON held.resource = incoming.resource
        AND held.project_id = incoming.project_id
        AND held.record_key IS NOT DISTINCT FROM incoming.record_key
        AND held.reason = incoming.reason
        AND held.pointer IS NOT DISTINCT FROM incoming.pointer
        AND held.payload = incoming.payload
