"""The PostHog Tasks API as its callers see it: client, endpoints, paging, request budget, run streams.

A pure core (framing, paging decisions, retry decisions, redaction) under thin asynchronous shells. This package alone
speaks HTTP.
"""
