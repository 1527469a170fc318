"""The cache of Kafka's jars: fetched once, repaired when damaged."""

import hashlib
import re
import threading

import pytest

from backorder_dev import jars
from backorder_dev.jars import Jar, JarsError, kafka_classpath

CONTENT = {"a": b"first jar", "b": b"second jar"}
LOCK = [Jar(hashlib.sha256(content).hexdigest(), "org.sample", name, "1") for name, content in CONTENT.items()]


@pytest.fixture
def downloads(monkeypatch):
    """Stand in for the network, and count."""
    fetched = []

    def download(repository, wanted):
        for jar in wanted:
            fetched.append(jar.artifact)
            path = repository / jar.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(CONTENT[jar.artifact])

    monkeypatch.setattr(jars, "download", download)
    monkeypatch.setattr(jars, "locked_jars", lambda: LOCK)
    return fetched


def silent(_line):
    pass


def test_jars_are_fetched_once(tmp_path, downloads):
    said = []
    first = kafka_classpath(tmp_path, said.append)
    assert kafka_classpath(tmp_path, said.append) == first
    assert downloads == ["a", "b"]
    assert said == ["fetching Apache Kafka 4.3.1, about 60 MB, once"]


def test_a_half_fetched_cache_is_completed(tmp_path, downloads):
    path = tmp_path / "repository" / LOCK[0].path
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT["a"][:3])
    classpath = kafka_classpath(tmp_path, silent)
    assert [jar.read_bytes() for jar in classpath] == list(CONTENT.values())


def test_a_jar_that_was_cut_off_later_is_fetched_again_and_the_others_are_not(tmp_path, downloads):
    first, _ = kafka_classpath(tmp_path, silent)
    first.write_bytes(b"")
    kafka_classpath(tmp_path, silent)
    assert first.read_bytes() == CONTENT["a"]
    assert downloads == ["a", "b", "a"]


def test_what_java_knew_of_other_jars_goes(tmp_path, downloads):
    first, _ = kafka_classpath(tmp_path, silent)
    (tmp_path / "java-25-abc.aot").touch()
    kafka_classpath(tmp_path, silent)
    assert (tmp_path / "java-25-abc.aot").exists()
    first.write_bytes(b"")
    kafka_classpath(tmp_path, silent)
    assert not (tmp_path / "java-25-abc.aot").exists()


def test_a_jar_that_is_not_the_locked_one_is_refused(tmp_path, downloads, monkeypatch):
    monkeypatch.setitem(CONTENT, "b", b"tampered")
    with pytest.raises(JarsError, match="b-1"):
        kafka_classpath(tmp_path, silent)
    with pytest.raises(JarsError, match="b-1"):
        kafka_classpath(tmp_path, silent)


def test_without_network_the_message_says_so(tmp_path, downloads, monkeypatch):
    def download(_repository, _wanted):
        raise ConnectionError("no route")

    monkeypatch.setattr(jars, "download", download)
    with pytest.raises(JarsError, match=r"no route\. Is the network there"):
        kafka_classpath(tmp_path, silent)


def test_parallel_starts_fetch_once(tmp_path, downloads):
    threads = [threading.Thread(target=kafka_classpath, args=(tmp_path, silent)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert downloads == ["a", "b"]


def test_the_lock_has_one_version_of_kafka():
    versions = {jar.version for jar in jars.locked_jars() if jar.group == "org.apache.kafka"}
    assert versions == {jars.KAFKA_VERSION}
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars.locked_jars())
