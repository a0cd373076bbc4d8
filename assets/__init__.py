"""What is kept: one module per family of assets, and their checks."""
