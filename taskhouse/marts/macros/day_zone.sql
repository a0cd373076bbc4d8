-- The time zone in which a day begins. Remade from the setting TASKHOUSE_TIMEZONE whenever that changes.
CREATE MACRO main.day_zone() AS 'UTC'
