-- The day that a time belongs to, in the time zone of `day_zone()`.
CREATE MACRO main.day_of(moment) AS CAST(main.local_time(moment) AS DATE)
