"""What is kept: one module per family of assets, and their checks."""

if __name__ != "taskhouse.assets":
    raise ImportError(f"import taskhouse.assets, not {__name__}: each module has one name, and is loaded once")
