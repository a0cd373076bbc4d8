-- A count that an agent reported, as a number; NULL where it is none, negative or beyond any count.
CREATE MACRO main.token_count(reported) AS
    CASE WHEN TRY_CAST(reported AS DOUBLE) BETWEEN 0 AND 1e15 THEN TRY_CAST(TRY_CAST(reported AS DOUBLE) AS BIGINT) END
