"""The disk that fills up: a write fails for want of room, and goes through when there is some."""

import errno
import os
import subprocess
import sys
import time

import pytest
from faults_support.small_disk import SmallDisk


@pytest.fixture
def disk(tmp_path):
    made = SmallDisk.mount(tmp_path / "disk", 8 << 20)
    if made is None:
        pytest.skip("mounting takes rights that this user does not have")
    yield made
    made.close()
    assert not os.path.ismount(made.folder)


def test_a_full_disk_refuses_to_grow_and_takes_writes_again_when_it_is_freed(disk):
    with (disk.folder / "file").open("wb", buffering=0) as file:
        file.write(b"x" * 100_000)
        disk.fill()
        file.write(b"x" * (4096 - 100_000 % 4096))  # the rest of the last page
        with pytest.raises(OSError, match="No space left") as refused:
            file.write(b"x" * 100_000)
        assert refused.value.errno == errno.ENOSPC
        disk.free()
        file.write(b"x" * 100_000)


def test_it_is_unmounted_when_its_owner_is_killed(tmp_path, disk):
    code = (
        "import os, sys, pathlib; sys.path.insert(0, sys.argv[1]); from faults_support.small_disk import SmallDisk;"
        "SmallDisk.mount(pathlib.Path(sys.argv[2]), 1 << 20); print(os.path.ismount(sys.argv[2]), flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    folder = tmp_path / "other"
    path = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120
    done = subprocess.run(
        [sys.executable, "-c", code, f"{path}/faults", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr
    deadline = time.monotonic() + 20
    while os.path.ismount(folder):
        assert time.monotonic() < deadline, "it is mounted for 20 s after its owner"
        time.sleep(0.01)
