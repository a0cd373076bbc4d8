-- Lines in quarantine have the name that passes and `data_health` have for them.
ALTER TABLE ledger.segments RENAME COLUMN set_aside TO quarantined
