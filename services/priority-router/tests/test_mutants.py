"""The tests notice when the core is broken: each of these small changes makes the test beside it fail."""

import importlib.util
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from router_mutants import MUTANTS

import priority_router

HERE = Path(__file__).parent
SOURCE = Path(priority_router.__file__).parent


@contextmanager
def core_at(folder):
    """Import the core from another folder, and afterwards from where it was."""
    ours = ("priority_router", "router_")
    saved = {name: module for name, module in sys.modules.items() if name.startswith(ours)}
    for name in saved:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.startswith(ours)]:
            del sys.modules[name]
        sys.modules.update(saved)


def run(test_file, test):
    spec = importlib.util.spec_from_file_location(f"router_mutant_{test_file}", HERE / f"{test_file}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    getattr(module, test)()


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(SOURCE, tmp_path / "priority_router", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant[0].replace(" ", "-") for mutant in MUTANTS])
def test_the_mutant_is_caught(mutant, copied):
    _, file, text, other, test_file, test = mutant
    path = copied / "priority_router" / "domain" / file
    source = path.read_text(encoding="utf-8")
    assert source.count(text) == 1, f"{file} has no longer exactly one {text!r}"
    path.write_text(source.replace(text, other), encoding="utf-8")
    with core_at(copied), pytest.raises(Exception) as failed:
        run(test_file, test)
    assert not isinstance(failed.value, (NameError, ImportError, SyntaxError)), "a mistake that cannot run is none"


@pytest.mark.parametrize("case", sorted({mutant[-2:] for mutant in MUTANTS}))
def test_without_a_mutant_the_test_passes_there(case, copied):
    with core_at(copied):
        run(*case)
