-- A row if anything is held that a server said: a proof, a record, or what could not be read. As subqueries it takes
-- some twenty times as long to plan.
SELECT 1 FROM ledger.passes WHERE verdict = 'complete'
UNION ALL
SELECT 1 FROM ledger.segments
UNION ALL
SELECT 1 FROM ledger.quarantine
UNION ALL
{tables}
LIMIT 1
