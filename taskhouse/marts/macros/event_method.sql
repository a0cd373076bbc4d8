-- The JSON-RPC method of an event. A permission prompt always has `_posthog/permission_request`, even if the live
-- stream uses another form.
CREATE MACRO main.event_method(kind, method) AS
    CASE WHEN kind = 'permission_request' THEN '_posthog/permission_request' ELSE method END
