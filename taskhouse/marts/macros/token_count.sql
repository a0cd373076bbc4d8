-- A count that an agent reported, as a whole number; NULL if it is no number, negative or impossibly large.
CREATE MACRO main.token_count(reported) AS
    CASE WHEN TRY_CAST(reported AS DOUBLE) BETWEEN 0 AND 1e15 THEN TRY_CAST(TRY_CAST(reported AS DOUBLE) AS BIGINT) END
