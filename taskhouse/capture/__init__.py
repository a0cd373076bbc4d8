"""Streams and logs of runs on their way into the spool: what to read, how, and what is kept of it."""
