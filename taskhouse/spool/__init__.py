"""Captured events on disk, before they are in the warehouse: append-only, checksummed, sealed by size or age."""
