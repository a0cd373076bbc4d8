-- The moment at which a day begins, in the day's time zone.
CREATE MACRO main.day_start(day) AS timezone(main.day_zone(), CAST(day AS TIMESTAMP))
