"""A local PostHog Tasks API over real HTTP: it follows the rules of the server, and faults can be switched on."""

if __name__ != "taskhouse.emulator":
    raise ImportError(f"import taskhouse.emulator, not {__name__}: each module has one name, and is loaded once")
