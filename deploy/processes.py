"""The deployment of ``compose/compose.yaml`` as plain processes of one machine, with a PostgreSQL that is there.

    python deploy/processes.py FOLDER --postgres postgresql://user:password@host/database --a 1,2 --b 3

PostHog and the key come from the environment, as for every command of taskhouse. Each shard has its home in FOLDER.
With ``--lake BIN``, each shard is also published to the lake of TASKHOUSE_LAKE and TASKHOUSE_LAKE_DATA, by a process of
its own from the environment with DuckDB 1.5 whose programs are in BIN, such as ``.venv/lake/bin``.

What ends is started again after a second. Ctrl-C or SIGTERM ends it all.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
SHARDS = ("a", "b")
QUIET = ("--log-level", "warning")
ENDS_S = 20.0


def main() -> None:
    """Run it until a signal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--port", type=int, default=3000)
    for name in SHARDS:
        parser.add_argument(f"--{name}", required=True, metavar="IDS", help=f"projects of the shard {name}")
    parser.add_argument("--lake", type=Path, metavar="BIN", help="publish to a lake, with the programs of this folder")
    asked = parser.parse_args()
    os.umask(0o077)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    common = {**os.environ, **addresses(), "DAGSTER_POSTGRES_URL": driven(asked.postgres)}
    central = {**common, "DAGSTER_HOME": str(dagster_folder(asked.folder / "central"))}
    workspace = ("--workspace", str(HERE / "workspace.yaml"))
    services = {
        **{name: (served(common, name), shard(asked, common, name)) for name in SHARDS},
        "webserver": (["dagster-webserver", "--port", str(asked.port), *workspace, *QUIET], central),
        "daemon": (["dagster-daemon", "run", *workspace, *QUIET], central),
    }
    if asked.lake:
        program = [str(asked.lake.absolute() / "taskhouse"), "lake", "publish", "--every", "10"]
        services |= {
            f"publish-{name}": (program, shard(asked, common, name) | {"TASKHOUSE_SHARD": name}) for name in SHARDS
        }
    threads = [threading.Thread(target=keep, args=(asked.folder, name, *what, stop)) for name, what in services.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def addresses() -> dict[str, str]:
    """Where each shard listens; a port that the environment does not give is a free one."""
    found: dict[str, str] = {}
    for name in SHARDS:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = f"SHARD_{name.upper()}_PORT"
            found |= {
                f"SHARD_{name.upper()}_HOST": "127.0.0.1",
                port: os.environ.get(port) or str(free.getsockname()[1]),
            }
    return found


def driven(url: str) -> str:
    """The address as Dagster wants it, with the driver."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def dagster_folder(home: Path) -> Path:
    """The Dagster folder of a home, with the file that all share."""
    folder = home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "dagster.yaml", folder)
    return folder


def served(common: Mapping[str, str], name: str) -> list[str]:
    """The command of a shard."""
    return ["taskhouse", "shard", "--port", common[f"SHARD_{name.upper()}_PORT"]]


def shard(asked: argparse.Namespace, common: Mapping[str, str], name: str) -> dict[str, str]:
    """The settings of a shard."""
    dagster_folder(asked.folder / name)
    return {
        "TASKHOUSE_SCHEDULES": "true",
        "TASKHOUSE_BUDGET": asked.postgres,
        "TASKHOUSE_BUDGET_SHARDS": str(len(SHARDS)),
        **common,
        "TASKHOUSE_HOME": str((asked.folder / name).absolute()),
        "TASKHOUSE_ASSET_PREFIX": name,
        "POSTHOG_PROJECT_IDS": getattr(asked, name),
    }


def keep(folder: Path, name: str, words: list[str], environment: dict[str, str], stop: threading.Event) -> None:
    """Run a process again whenever it ends; what it says goes into a file."""
    program = [str(Path(sys.executable).parent / words[0]), *words[1:]]
    while not stop.is_set():
        with (folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                program, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )
            while process.poll() is None and not stop.wait(0.2):
                pass
            end(process)
        stop.wait(1.0)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(ENDS_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    main()
