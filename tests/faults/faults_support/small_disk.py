"""A file system in memory that is full when we say so: writing to it fails as it does on any full disk.

It takes the right to mount; where that is missing there is none. A process of its own holds it, and unmounts it when
our end of the pipe closes, however we went.
"""

import os
import subprocess
import sys
from pathlib import Path

SIZE = 4 << 30  # bytes at most; only what is written takes memory


class SmallDisk:
    """A mounted one."""

    def __init__(self, folder: Path, holder: "subprocess.Popen[str]") -> None:
        self.folder = folder
        self._holder = holder

    @classmethod
    def mount(cls, folder: Path, size: int = SIZE) -> "SmallDisk | None":
        """Mount one on `folder`; None when this user, or this system, cannot."""
        folder.mkdir(parents=True, exist_ok=True)
        holder = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve()), str(folder), str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C in the terminal must not reach it before the database has ended
        )
        disk = cls(folder, holder)
        if disk._answer() != "done":
            disk.close()
            return None
        return disk

    def fill(self) -> None:
        """Leave no room beside what is on it."""
        self._say("full")

    def free(self) -> None:
        """Give the room back."""
        self._say("free")

    def close(self) -> None:
        """Unmount it; what is on it is gone."""
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.wait(20)
        self._holder.stdout.close()

    def _say(self, word: str) -> None:
        assert self._holder.stdin is not None
        self._holder.stdin.write(f"{word}\n")
        self._holder.stdin.flush()
        assert self._answer() == "done", f"the disk cannot be made {word}"

    def _answer(self) -> str:
        assert self._holder.stdout is not None
        return self._holder.stdout.readline().strip()


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _used(folder: str) -> int:
    there = os.statvfs(folder)
    return (there.f_blocks - there.f_bfree) * there.f_frsize


def _hold(folder: str, size: int) -> None:
    done = sys.platform == "linux" and _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "backorder", folder)
    sys.stdout.write("done\n" if done else "failed\n")
    sys.stdout.flush()
    if not done:
        return
    try:
        for line in sys.stdin:
            for _ in range(20):  # it grows between the look and the cut
                wanted = _used(folder) if line.strip() == "full" else size
                if done := _run("mount", "-o", f"remount,size={wanted}", folder):
                    break
            sys.stdout.write("done\n" if done else "failed\n")
            sys.stdout.flush()
    finally:
        _run("umount", "-l", folder)


if __name__ == "__main__":
    _hold(sys.argv[1], int(sys.argv[2]))
