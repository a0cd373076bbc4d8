-- The start of the agent that an event's number belongs to, from its id `<boot>-<number>`; NULL if the number is NULL.
CREATE MACRO main.event_boot(event_id) AS nullif(regexp_extract(event_id, '(?s)^(.+)-0*[0-9]{1,15}$', 1), '')
