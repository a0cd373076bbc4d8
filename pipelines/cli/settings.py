"""The reference of settings in Markdown, made from the settings themselves.

``python -m taskhouse.pipelines.cli.settings > docs/settings.md`` writes it; a test compares.
"""

import sys
from pathlib import Path
from typing import Any

from taskhouse.settings import Settings
from taskhouse.variables import variable

HEAD = """# Settings

Made from the settings themselves by `python -m taskhouse.pipelines.cli.settings > docs/settings.md`.

Each setting is one environment variable, and has no other name. It can also stand in a file `.env` in the folder where
`taskhouse` is started; the environment goes first. A `TASKHOUSE_…` variable that is not in this list is refused, so
that a misspelt setting never passes unnoticed. `POSTHOG_…` variables of other tools are left alone; if one looks like a
misspelt setting, taskhouse says so and goes on. One that looks like `POSTHOG_HOST`, such as `POSTHOG_URL`, is refused
if a key is set and `POSTHOG_HOST` is not: the key would go to the default host. An error names the variable and what
is allowed, never its value.
If the key comes from the environment and `POSTHOG_HOST` from a `.env`, taskhouse refuses any host but PostHog Cloud's:
a folder that you entered must not choose where your key goes.

PostHog Cloud has two regions, and a key is valid in one of them: set `POSTHOG_HOST` to `https://us.posthog.com` or
`https://eu.posthog.com`, or to the origin of your own server.

`TASKHOUSE_HOME` is a folder below the one where `taskhouse` is started, unless it begins with `/` or `~`. The default
`.taskhouse` is such a folder too: start every command in the same folder, or set `TASKHOUSE_HOME` to an absolute path.
A home that you copy is a twin with the same id: taskhouse takes what both write for one history. So sync only one of
them, and give each a folder of its own for backups.

By default taskhouse keeps everything that agents and people wrote: prompts, messages and the output of tools, with
whatever e-mail addresses and secrets they hold. `TASKHOUSE_CAPTURE_TEXT=none` keeps only their structure and sizes.

| variable | meaning | default |
| --- | --- | --- |
"""


def reference() -> str:
    """The whole reference."""
    return HEAD + "".join(
        f"| `{variable(name)}` | {field.description} | {_shown(field.get_default(call_default_factory=True))} |\n"
        for name, field in Settings.model_fields.items()
    )


def _shown(default: Any) -> str:
    """A default as one would write it in the environment."""
    match default:
        case bool():
            text = str(default).lower()
        case tuple():
            text = ",".join(map(str, default))
        case Path() | str() | int() | float():
            text = str(default)
        case _:
            text = ""
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.stdout.write(reference())
