"""Where the things of a page are on the web: only addresses that a browser may open without harm."""

from urllib.parse import quote, urlsplit


def task(host: str | None, project_id: int, task_id: str, run_id: str | None = None) -> str | None:
    """The page of a task in PostHog, at one of its runs if given; None without a host.

    PostHog's own notices link to ``/project/<id>/tasks/<task>?runId=<run>``.
    """
    base = safe(host)
    if base is None:
        return None
    at = f"?runId={quote(run_id, safe='')}" if run_id else ""
    return f"{base.rstrip('/')}/project/{project_id}/tasks/{quote(task_id, safe='')}{at}"


def repository(name: str | None) -> str | None:
    """The page of a repository, given as ``owner/name``: PostHog connects to GitHub alone."""
    owner, slash, rest = (name or "").partition("/")
    if not (owner and slash and rest) or "/" in rest or {".", ".."} & {owner, rest}:
        return None
    return f"https://github.com/{quote(owner, safe='')}/{quote(rest, safe='')}"


def safe(address: str | None) -> str | None:
    """The address if it is one of the web, without a name and a password in it; else None."""
    try:
        parts = urlsplit(address or "")
        fine = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return None
    return address if fine else None
