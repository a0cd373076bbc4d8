-- A field that taskhouse did not know is recorded once.
INSERT INTO ledger.drift BY NAME
SELECT DISTINCT ON (project_id, resource, path)
    incoming.*
FROM
    incoming
    ANTI JOIN ledger.drift AS held USING (project_id, resource, path)
