"""Breaks a copy of one package and runs tests against the copy, in a process of its own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# of all plugins only what tests need: the others take longer to start than most tests to notice
PYTEST = ("-m", "pytest", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", "-q", "--no-header", "-rfE")
SUMMARY = "short test summary info"  # pytest writes this above a line for each that failed
NOTICED = 1  # pytest: tests ran, and some failed; anything else is a broken harness
PASSED = 0
# what pytest says of a mistake with which nothing can run
CANNOT_RUN = tuple(
    f" - {error}"
    for error in (
        "NameError",
        "UnboundLocalError",
        "ImportError",
        "SyntaxError",
        "asyncpg.exceptions.PostgresSyntaxError",
        "asyncpg.exceptions.UndefinedColumnError",
        "asyncpg.exceptions.IndeterminateDatatypeError",
    )
)


@dataclass(frozen=True)
class Mutant:
    """One small mistake: in `file`, `old` becomes `new`, which `breaks` a rule; each of `tests` must notice.

    `old` stands in the file exactly once. `tests` are pytest ids below the project's root; of one with parameters, and
    of a file, one case is enough. Any member's source may be named.
    """

    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def package(self):
        """The folder of the package that the file is in."""
        path = Path(self.file)
        return Path(*path.parts[: path.parts.index("src") + 2])


def ids(mutants):
    """Their names as tests."""
    return [mutant.breaks.replace(" ", "-") for mutant in mutants]


def those_that_notice(mutants):
    """The tests that have to, each once."""
    return sorted({test for mutant in mutants for test in mutant.tests})


def row_of(mutant):
    """The mutant in a table of the docs."""
    return row(mutant.breaks, Path(mutant.file).name, *(Path(test).name for test in mutant.tests))


def row(breaks, file, *noticed_by):
    """A mistake, where it is, and who notices, in a table of the docs."""
    return f"| {breaks} | `{file}` | {', '.join(f'`{name}`' for name in noticed_by)} |"


def break_copy(mutant, folder):
    """Put a copy of the mutant's package into the folder, with the mistake in it."""
    place = copy_of(mutant.package, folder) / Path(mutant.file).relative_to(mutant.package)
    place.write_text(broken(mutant), encoding="utf-8")


def broken(mutant):
    """The text of the mutant's file with the mistake in it; fails when it does not fit, or is not even Python."""
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    found = source.count(mutant.old)
    assert found == 1, f"{mutant.file} has {found} times, not once:\n{mutant.old}"
    assert mutant.old != mutant.new
    text = source.replace(mutant.old, mutant.new)
    if mutant.file.endswith(".py"):
        compile(text, mutant.file, "exec")
    return text


def copy_of(package, folder):
    """A copy of a package in the folder, with its migrations as when it is installed."""
    copy = Path(folder) / package.name
    if not copy.exists():
        made_by_python = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, copy, ignore=made_by_python)
        migrations = ROOT / package.parents[1] / "migrations"
        if migrations.is_dir():
            shutil.copytree(migrations, copy / "migrations", ignore=made_by_python)
    return copy


def notice(mutant, folder, note, **given):
    """Fail unless all its tests notice the mutant; `note` takes by name what the table at the end shows."""
    break_copy(mutant, folder)
    start = time.perf_counter()
    answer, said = run(mutant.tests, folder, **given)
    note("mutant", mutant.breaks)
    note("package", mutant.package.name)
    note("caught", ", ".join(Path(test).name for test in mutant.tests))
    note("seconds", time.perf_counter() - start)
    assert answer == NOTICED, said[-3000:]
    left = unnoticed(mutant.tests, said)
    assert not left, "\n".join([f"not noticed, or not by a test: {left}", said[-3000:]])


def unnoticed(tests, said):
    """By what pytest said: the tests of which no case failed, and what tells nothing of the mistake.

    That is what broke outside of a test, such as a fixture, and a mistake that is none because it cannot run.
    """
    lines = said.rpartition(SUMMARY)[2].splitlines()
    failed = [line.removeprefix("FAILED ") for line in lines if line.startswith("FAILED ")]
    passed = [test for test in tests if not any(_is_case(each, test) for each in failed)]
    empty = [line for line in failed if any(error in line for error in CANNOT_RUN)]
    return passed + empty + [line for line in lines if line.startswith("ERROR ")]


def _is_case(failed, test):
    # what follows is nothing, a reason, a parameter, or the test in a file
    return failed.startswith(test) and failed[len(test) :][:1] in {"", " ", "[", ":"}


def run(tests, folder, *, seconds=300, plugins: Sequence[str] = (), variables: Mapping[str, str] | None = None):
    """Run tests with the packages in the folder instead of the installed ones; pytest's answer and what it said.

    `plugins` of pytest may stand beside this file; `variables` are added to the environment.
    """
    done = subprocess.run(
        [sys.executable, *PYTEST, *(word for plugin in plugins for word in ("-p", plugin)), *tests],
        cwd=ROOT,
        env=_environment(folder) | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def where(module, folder):
    """The file that a module is imported from when the folder comes first."""
    command = [sys.executable, "-c", f"import {module}; print({module}.__file__)"]
    done = subprocess.run(command, cwd=ROOT, env=_environment(folder), capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def _environment(folder):
    # outside of xdist, without bytecode in the copies, without shrinking what is found, and each reason whole
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ours = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HYPOTHESIS_PROFILE": "mutants", "COLUMNS": "1000"}
    path = os.pathsep.join([str(folder), str(Path(__file__).parent)])
    return {**kept, **ours, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
