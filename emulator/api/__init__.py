"""The HTTP face of the emulator: one module per group of endpoints."""
