"""The HTTP endpoints of the emulator: one module per group."""
