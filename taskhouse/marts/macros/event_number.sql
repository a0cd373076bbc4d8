-- The number that an agent gave to an event, from its id `<boot>-<number>`. NULL if the id has no number, or a number
-- of more than 15 digits: no run has that many events, and arithmetic on shorter numbers cannot overflow.
CREATE MACRO main.event_number(event_id) AS
    TRY_CAST(regexp_extract(event_id, '(?s)^.+-0*([0-9]{1,15})$', 1) AS BIGINT)
