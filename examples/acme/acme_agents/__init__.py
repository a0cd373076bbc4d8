"""What Acme makes of the history of its coding agents."""
