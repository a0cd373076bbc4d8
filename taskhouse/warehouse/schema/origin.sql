-- The one PostHog host that this warehouse belongs to.
CREATE TABLE ledger.origin (
    host VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
)
