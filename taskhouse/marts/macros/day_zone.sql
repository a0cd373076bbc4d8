-- The time zone in which a day begins. It is created again whenever the setting TASKHOUSE_TIMEZONE changes.
CREATE MACRO main.day_zone() AS 'UTC'
