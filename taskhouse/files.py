"""How many files this process may have open: as many as it can be given, and never too few to begin with."""

from taskhouse.errors import TaskhouseError

LEAST, ENOUGH = 64, 4096
"""A sync of one resource needs some 40; every stream that is followed needs one more."""


def allowed() -> None:
    """Raise the limit of open files to what is enough, as far as the system lets us.

    Raises:
        TaskhouseError: Too few are left to do anything.
    """
    import resource  # noqa: PLC0415 - only where there are such limits

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft != resource.RLIM_INFINITY and soft < LEAST:
        raise TaskhouseError(
            f"This process may open only {soft} files, but needs at least {LEAST}.",
            hint="Raise the limit in this shell with `ulimit -n 4096`, then run the command again.",
        )
