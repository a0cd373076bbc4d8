-- Steps that a capability has reached on the way to ready: 1 its code was found, 2 it is switched on, 3 data arrives.
-- NULL if the state has no information.
CREATE MACRO main.readiness_steps(state) AS
    CASE state
        WHEN 'ready' THEN 3
        WHEN 'waiting_for_data' THEN 2
        WHEN 'detected' THEN 1
        WHEN 'needs_setup' THEN 0
        WHEN 'not_applicable' THEN 0
    END
