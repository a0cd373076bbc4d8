"""The environments of the contenders: ours, and one for each lock in ``benchmarks/environments``."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "benchmarks" / "environments"
SHOWN = ("dlt", "duckdb", "httpx", "httpx-sse", "orjson", "pandas", "pyarrow", "singer-sdk", "target-duckdb")
"""Packages whose versions a result shows."""


def python(name: str) -> Path:
    """The interpreter of an environment, which is made anew if its lock is another one.

    Raises:
        ValueError: It could not be installed.
    """
    if name == "taskhouse":
        return Path(sys.executable)
    folder, lock = ROOT / ".venv" / "bench" / name, LOCKS / f"{name}.lock"
    ready, interpreter = folder / ".ready", folder / "bin" / "python"
    text = lock.read_text("utf-8")
    if not ready.exists() or ready.read_text("utf-8") != text:
        uv: list[str | Path] = [sys.executable, "-m", "uv"]
        _install([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], name)
        install = [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", interpreter, "--require-hashes"]
        _install([*install, "--requirement", lock], name)
        ready.write_text(text, "utf-8")
    return interpreter


def _install(command: list[str | Path], name: str) -> None:
    if subprocess.run(command, check=False).returncode:
        raise ValueError(f"its environment, {name}, could not be installed")


def versions(name: str) -> dict[str, str]:
    """The versions of what matters in an environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "list", "--format", "json", "--python", python(name)],
        check=True,
        capture_output=True,
    )
    return {one["name"]: one["version"] for one in json.loads(listed.stdout) if one["name"] in SHOWN}
