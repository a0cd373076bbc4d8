-- What a clock in the day's time zone shows at a moment, as a plain timestamp; outside of the years 1 to 9999 in UTC.
CREATE MACRO main.local_time(moment) AS
    CASE
        WHEN main.day_zone() = 'UTC' THEN make_timestamp(epoch_us(moment))
        WHEN moment BETWEEN TIMESTAMPTZ '0001-01-02 00:00:00+00' AND TIMESTAMPTZ '9999-12-30 00:00:00+00'
            THEN timezone(main.day_zone(), moment)
        ELSE make_timestamp(epoch_us(moment))
    END
