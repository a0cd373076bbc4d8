-- The local time at a moment in the time zone of `day_zone()`, as a plain timestamp; in UTC before year 1 and after
-- 9999.
CREATE MACRO main.local_time(moment) AS
    CASE
        WHEN main.day_zone() = 'UTC' THEN make_timestamp(epoch_us(moment))
        WHEN moment BETWEEN TIMESTAMPTZ '0001-01-02 00:00:00+00' AND TIMESTAMPTZ '9999-12-30 00:00:00+00'
            THEN timezone(main.day_zone(), moment)
        ELSE make_timestamp(epoch_us(moment))
    END
