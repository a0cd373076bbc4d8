"""When and how it runs: definitions, jobs, schedules, sensors, resources and the command line."""
