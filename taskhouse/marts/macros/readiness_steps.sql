-- Steps of the way to ready that a capability has gone: 1 its code was found, 2 it is switched on, 3 data arrives. NULL
-- where the state is no information.
CREATE MACRO main.readiness_steps(state) AS
    CASE state
        WHEN 'ready' THEN 3
        WHEN 'waiting_for_data' THEN 2
        WHEN 'detected' THEN 1
        WHEN 'needs_setup' THEN 0
        WHEN 'not_applicable' THEN 0
    END
