"""Whether the process behind a trial still runs, also after it was killed."""

import socket
import subprocess
import sys

from segcore.training.search.worker_liveness import Worker

_WORKER = """
import sys, time
from pathlib import Path
from segcore.training.search.worker_liveness import Worker
worker = Worker(Path(sys.argv[1]))
print(worker.id, flush=True)
time.sleep(120)
"""


def test_a_process_is_alive_until_it_is_killed(tmp_path):
    mine = Worker(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", _WORKER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    owner = {"worker": process.stdout.readline().strip(), "host": socket.gethostname()}
    assert mine.alive(owner) and mine.alive(mine.owner)
    process.kill()
    process.wait()
    assert not mine.alive(owner) and mine.alive(mine.owner)


def test_a_process_that_ended_its_work_is_not_alive(tmp_path):
    mine, other = Worker(tmp_path), Worker(tmp_path)
    assert mine.alive(other.owner)
    other.close()
    assert not mine.alive(other.owner)


def test_a_process_on_another_machine_counts_as_alive(tmp_path):
    assert Worker(tmp_path).alive({"worker": "f" * 32, "host": "elsewhere"})
