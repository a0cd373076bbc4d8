"""Processes that end with whoever started them."""


def tied(command: list[str], end: str = "KILL") -> list[str]:
    """A command whose process gets a signal when the thread that started it ends, however that is."""
    return ["setpriv", "--pdeathsig", end, *command]
