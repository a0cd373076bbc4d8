-- What a clock in the day's time zone shows at a moment, as a plain timestamp.
CREATE MACRO main.local_time(moment) AS
    CASE WHEN main.day_zone() = 'UTC' THEN make_timestamp(epoch_us(moment)) ELSE timezone(main.day_zone(), moment) END
