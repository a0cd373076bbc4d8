"""Real servers of Debian's packages, in a folder of their own and on a free port, that tests stop, kill and restart."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import redis

from tests.tied import tied

PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
NOBODY = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL does not run as root."""

WATCH = 'cat; "$@"; rm -rf "$PWD"'
"""Waits until whoever started it ends, however that is, then runs the given command and removes its folder."""

PASSWORD = "s3cret%2Fof%40it"
"""As it stands in an address."""


class Postgres:
    """A cluster that asks for a password."""

    def __init__(self) -> None:
        assert PROGRAMS, "there is no PostgreSQL on this machine: apt-get install postgresql"
        self._folder = Path(tempfile.mkdtemp(prefix="taskhouse-pg-"))
        self.port = free_port()
        self.url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        secret = self._folder / "password"
        secret.write_text("s3cret/of@it", "utf-8")
        if NOBODY:
            for path in (self._folder, secret):
                shutil.chown(path, NOBODY)
        words = (
            "--no-sync",
            "--no-instructions",
            "--auth=scram-sha-256",
            "--username=postgres",
            "--locale=C",
            "--encoding=UTF8",
        )
        self._run("initdb", *words, f"--pwfile={secret}")
        self._watcher = subprocess.Popen(
            ["sh", "-c", WATCH, "watcher", *self._words("pg_ctl"), "-m", "immediate", "stop"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=NOBODY,
            cwd=self._folder,
            start_new_session=True,
        )
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self._folder} -p {self.port} -c listen_addresses=127.0.0.1 -c max_connections=500"
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is a crash."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def pause(self, *, on: bool) -> None:
        """Let every process of it hang, or go on."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP if on else signal.SIGCONT)

    def processor_s(self) -> float:
        """Processor time of all its processes so far, those that ended included.

        The first process is read last: it has the time of those that ended meanwhile.
        """
        ticks = 0
        for place, process in reversed([*enumerate(self._processes())]):
            try:
                text = Path(f"/proc/{process}/stat").read_text("utf-8")
            except (FileNotFoundError, ProcessLookupError):
                continue
            fields = text.rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15] if place == 0 else fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def _processes(self) -> list[int]:
        """The first one, and those that it started."""
        head = int((self._folder / "data" / "postmaster.pid").read_text("utf-8").split()[0])
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(head)], capture_output=True, check=False).stdout
        return [head, *map(int, children.split())]

    def remove(self) -> None:
        """Stop it, and delete what it kept."""
        self._watcher.communicate(timeout=60)

    def _words(self, program: str) -> list[str]:
        return [str((PROGRAMS or Path()) / program), "-D", str(self._folder / "data")]

    def _run(self, program: str, *words: str) -> None:
        command = [*self._words(program), *words]
        subprocess.run(command, check=True, user=NOBODY, cwd=self._folder, stdout=subprocess.DEVNULL)


class Redis:
    """A server that asks for a password, and by default keeps its data on the disk.

    Args:
        folder: Where.
        keeps: Whether it keeps its data.
    """

    def __init__(self, folder: Path, *, keeps: bool = True) -> None:
        assert shutil.which("redis-server"), "there is no Redis on this machine: apt-get install redis-server"
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        self._keeps = "yes" if keeps else "no"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self._folder, "appendonly": self._keeps, "save": ""}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = tied(["redis-server", *words, "--requirepass", "s3cret/of@it"])
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while True:
            try:
                with redis.Redis.from_url(self.url) as client:
                    client.ping()
            except redis.ConnectionError:
                assert time.monotonic() < until, "Redis did not start"
                time.sleep(0.05)
            else:
                return

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Stop it; SIGKILL is a crash."""
        self._process.send_signal(how)
        self._process.wait(20)

    def pause(self, *, on: bool) -> None:
        """Let it hang, or go on."""
        self._process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
