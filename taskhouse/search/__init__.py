"""Full-text search over messages, tool calls, errors and tasks: an index beside the published copies.

published/search.sqlite   one FTS5 table with every text, newest last, and what of each run is in it

``index.py`` brings it up to date by what changed between two copies, ``query.py`` answers, ``terms.py`` says what a
word is. There is no index until somebody builds one; from then on every process that publishes also updates it.
"""
