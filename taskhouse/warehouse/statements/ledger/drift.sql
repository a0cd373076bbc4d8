-- A field or value that taskhouse did not know is recorded once.
INSERT INTO ledger.drift BY NAME
SELECT DISTINCT ON (incoming.project_id, incoming.resource, incoming.path, incoming.example)
    incoming.*
FROM
    incoming
    ANTI JOIN ledger.drift AS held
        ON held.project_id = incoming.project_id
        AND held.resource = incoming.resource
        AND held.path = incoming.path
        AND held.example IS NOT DISTINCT FROM incoming.example
