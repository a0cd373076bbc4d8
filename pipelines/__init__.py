"""When and how it runs: definitions, jobs, schedules, sensors, resources and the command line."""

if __name__ != "taskhouse.pipelines":
    raise ImportError(f"import taskhouse.pipelines, not {__name__}: each module has one name, and is loaded once")
