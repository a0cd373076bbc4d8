"""What is kept: the assets of the resources and of what is made of them, and their checks."""

if __name__ != "taskhouse.assets":
    raise ImportError(f"import taskhouse.assets, not {__name__}: each module has one name, and is loaded once")
