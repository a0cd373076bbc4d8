-- From here on the spool has files of a form that earlier versions do not read, so they must not open this warehouse.
COMMENT ON COLUMN ledger.segments.lines IS 'Entries of the segment. Events that arrived together are one line of it.'
