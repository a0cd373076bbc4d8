-- The period of the report, which is number 0, and those before it.
CREATE OR REPLACE TEMP TABLE agents_periods AS
SELECT
    unnest(range(len($sinces))) AS number,
    unnest($sinces::DATE[]) AS since,
    unnest($untils::DATE[]) AS until
