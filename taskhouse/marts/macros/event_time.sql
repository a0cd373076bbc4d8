-- A time in an event's text, NULL if it is none, or not one at which a run can be: before 2000, or in 2200 or later.
CREATE MACRO main.event_time(value) AS
    CASE
        WHEN TRY_CAST(value AS TIMESTAMPTZ) BETWEEN TIMESTAMPTZ '2000-01-01 00:00:00+00'
        AND TIMESTAMPTZ '2199-12-31 23:59:59+00'
            THEN TRY_CAST(value AS TIMESTAMPTZ)
    END
