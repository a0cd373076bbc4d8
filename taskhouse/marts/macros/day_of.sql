-- The day on which a moment falls, in the day's time zone.
CREATE MACRO main.day_of(moment) AS CAST(main.local_time(moment) AS DATE)
