"""A process that multiprocessing started ends when the one that started it is killed."""

import subprocess
import sys

STARTS = """
import multiprocessing, time
from taskhouse.pipelines.lifetime import end_with_parent

def work():
    end_with_parent()
    print("working", flush=True)
    time.sleep(60)
    print("ended by itself", flush=True)

multiprocessing.get_context("fork").Process(target=work).start()
time.sleep(60)
"""


def test_it_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "working\n"
        parent.kill()
        assert parent.stdout.read() == ""  # until the child ends too
