-- The Monday of the week that a time belongs to, in the time zone of `day_zone()`. `date_trunc('week', moment)` uses
-- the time zone of the session instead, and gives another week for times near midnight.
CREATE MACRO main.week_of(moment) AS main.monday_of(main.day_of(moment))
