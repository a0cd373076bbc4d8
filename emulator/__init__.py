"""A faithful local PostHog Tasks API over real HTTP: every rule of the server, every fault on a switch."""

if __name__ != "taskhouse.emulator":
    raise ImportError(f"import taskhouse.emulator, not {__name__}: each module has one name, and is loaded once")
