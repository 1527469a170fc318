"""What Java knows of Kafka is kept, and used by the Java that has made it."""

import asyncio
import shutil

import psutil
import pytest

from backorder_dev.aot_cache import aot_cache, used_by
from backorder_dev.jars import default_cache, kafka_classpath
from backorder_dev.java import find_java
from backorder_dev.kafka import EmbeddedKafka
from backorder_dev.training_run import train


def a_java(folder, release):
    home = folder / "java"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    (home / "release").write_text(release)
    return home / "bin" / "java"


@pytest.mark.parametrize("release", ['JAVA_VERSION="21.0.4"\n', 'IMPLEMENTOR="somebody"\n', ""])
def test_a_java_that_writes_no_cache_is_started_without(tmp_path, release):
    java = a_java(tmp_path, release)
    assert aot_cache(java, tmp_path) is None
    assert used_by(java, tmp_path) == []


def test_a_java_that_says_nothing_of_itself_is_started_without(tmp_path):
    assert used_by(tmp_path / "bin" / "java", tmp_path) == []


def test_a_cache_is_used_once_it_is_made_and_by_no_other_build_of_java(tmp_path):
    java = a_java(tmp_path, 'JAVA_VERSION="25.0.2"\nMODULES="java.base"\n')
    assert used_by(java, tmp_path) == []
    file = aot_cache(java, tmp_path)
    file.touch()
    assert used_by(java, tmp_path) == [f"-XX:AOTCache={file}"]
    a_java(tmp_path, 'JAVA_VERSION="25.0.3"\nMODULES="java.base"\n')
    assert used_by(java, tmp_path) == []


@pytest.mark.stack
@pytest.mark.alone
async def test_a_broker_starts_with_what_a_training_run_has_made(tmp_path):
    if aot_cache(find_java()) is None:
        pytest.skip("this Java is older than 25")
    kafka_classpath()
    shutil.copytree(default_cache() / "repository", tmp_path / "repository")
    said = []
    for _ in range(2):
        await asyncio.to_thread(train, tmp_path, said.append)
    assert said[1:] == ["having Java get to know Apache Kafka, once"]
    file = aot_cache(find_java(), tmp_path)
    async with EmbeddedKafka(tmp_path / "broker", cache=tmp_path) as broker:
        assert str(file) in {each.path for each in psutil.Process(broker.pid).memory_maps()}
    assert [each.name for each in tmp_path.glob(".training-*")] == []
