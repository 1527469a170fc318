"""A report says what was measured, and of several runs shows the one in the middle."""

import shutil
import subprocess

import pytest
from measured import commit, measured, median_run, told


def drained(rate):
    return {"what": "ledger step", "lines_per_second": rate, "memory_mb": {"broker": rate // 100}}


@pytest.mark.parametrize("rates", [(50_000, 40_000, 60_000), (60_000, 50_000, 40_000), (40_000, 60_000, 50_000)])
def test_of_three_runs_the_one_in_the_middle_is_shown_whole_with_the_least_and_the_most(rates):
    assert median_run([drained(rate) for rate in rates]) == {
        "what": "ledger step",
        "lines_per_second": 50_000,
        "memory_mb": {"broker": 500},
        "runs": 3,
        "lines_per_second_range": [40_000, 60_000],
    }


@pytest.fixture
def repository(tmp_path):
    """A repository with one file, committed."""

    def git(*words):
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
        subprocess.run(("git", "-C", tmp_path, *who, *words), check=True, capture_output=True)

    git("init")
    (tmp_path / "code").write_text("as it is")
    git("add", "code")
    git("commit", "--message", "first")
    return tmp_path


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_the_commit_has_a_plus_when_the_code_is_not_quite_that(repository):
    named = commit(repository)
    assert len(named) >= 7
    assert set(named) <= set("0123456789abcdef")
    (repository / "code").write_text("as it was tried")
    assert commit(repository) == f"{named}+"
    (repository / "code").write_text("as it is")
    assert commit(repository) == named
    (repository / "new").write_text("nobody has added it")
    assert commit(repository) == f"{named}+"


def test_where_there_is_no_repository_no_commit_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit(tmp_path) == ""
    monkeypatch.setenv("PATH", "")
    assert commit(tmp_path) == "", "nor where there is no git"


def test_what_is_not_known_is_not_in_the_report(monkeypatch):
    monkeypatch.setattr("measured.commit", lambda: "")
    found = measured()
    assert set(found) == {"machine", "at"}
    assert told(found) == f"{found['machine']}, {found['at']}"


def test_a_report_names_its_commit(monkeypatch):
    monkeypatch.setattr("measured.commit", lambda: "0355a6b+")
    assert told(measured()).endswith(", commit 0355a6b+")
