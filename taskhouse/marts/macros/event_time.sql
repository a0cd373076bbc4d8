-- A time in an event's text, in UTC if the text names no zone; NULL if it is none, a day only, or not a time at which a
-- run can be: before 2000, or in 2200 or later.
CREATE MACRO main.event_time(value) AS
    CASE
        WHEN TRY_CAST(
            value || CASE WHEN regexp_full_match(value, '[-0-9]+([T ][:.0-9]+)?') THEN 'Z' ELSE '' END AS TIMESTAMPTZ
        ) BETWEEN TIMESTAMPTZ '2000-01-01 00:00:00+00'
        AND TIMESTAMPTZ '2199-12-31 23:59:59+00'
            THEN TRY_CAST(
                value || CASE WHEN regexp_full_match(value, '[-0-9]+([T ][:.0-9]+)?') THEN 'Z' ELSE '' END
                AS TIMESTAMPTZ
            )
    END
