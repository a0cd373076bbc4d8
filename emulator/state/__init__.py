"""What the server remembers between two requests: limits, tokens, answers that it keeps, counts."""
