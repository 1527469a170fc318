"""The comparison with the last release, as CI runs it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from backorder_contracts import compat

SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture
def release(tmp_path):
    """A copy of `schemas/` to change."""
    return shutil.copytree(SCHEMAS, tmp_path / "repository" / "schemas")


def edit(path, change):
    """Changes a JSON file in place."""
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


def git(directory, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


def committed(release, *tags):
    repository = release.parent
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "release")
    for tag in tags:
        git(repository, "tag", tag)


def drop_tier(schema):
    del schema["$defs"]["Customer"]["properties"]["tier"]


ORDER = "events/order.placed.v1.schema.json"


def test_the_same_schemas_keep_every_promise(release, capsys):
    assert compat.main([str(SCHEMAS), str(release)]) == 0
    assert "is kept" in capsys.readouterr().out


def test_a_broken_promise_is_told_in_prose(release, capsys):
    edit(release / ORDER, drop_tier)
    assert compat.main([str(SCHEMAS), str(release)]) == 1
    told = capsys.readouterr().err
    assert "order.placed, customer.tier: the field was removed" in told
    assert "Publishers that send it" in told
    assert "Instead: " in told


def test_a_new_event_type_breaks_nothing_and_a_removed_one_does(release, capsys):
    shutil.copy(release / ORDER, release / "events/order.amended.v1.schema.json")
    assert compat.main([str(SCHEMAS), str(release)]) == 0
    (release / ORDER).unlink()
    assert compat.main([str(SCHEMAS), str(release)]) == 1
    assert "order.placed, the event itself: the event type was removed" in capsys.readouterr().err


def test_what_we_publish_is_judged_as_its_readers_need(release, capsys):
    path = release / "events/back-order.opened.v1.schema.json"
    edit(path, lambda schema: schema["properties"]["unit_value"]["anyOf"].append({"type": "integer"}))
    assert compat.main([str(SCHEMAS), str(release)]) == 1
    assert "Consumers written against the old schema" in capsys.readouterr().err


def test_a_status_may_be_added_to_what_we_publish(release):
    path = release / "events/back-order.opened.v1.schema.json"
    edit(path, lambda schema: schema["properties"]["status"]["x-extensible-enum"].append("substituted"))
    assert compat.main([str(SCHEMAS), str(release)]) == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("key: back_order_id", "key: any", "topic back-order-snapshot, key"),
        ("retention: 30d", "retention: 3d", "topic back-order-state, retention"),
        ("delay.pattern", "delay.found", "delay.pattern does not stand on this topic any more"),
        ("\nsupply:", "\nsupplies:", "topic supply, the topic itself"),
        ("retention: null", "retention: 7d", "topic back-order-snapshot, retention"),
    ],
)
def test_a_topic_keeps_its_promises_too(release, capsys, old, new, told):
    path = release / "topics.yaml"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    assert compat.main([str(SCHEMAS), str(release)]) == 1
    assert told in capsys.readouterr().err


def test_longer_retention_more_partitions_and_other_words_are_free(release):
    path = release / "topics.yaml"
    text = path.read_text("utf-8")
    for old, new in [
        ("retention: 14d", "retention: 21d"),
        ("partitions: 12", "partitions: 24"),
        ("An order", "One order"),
    ]:
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    assert compat.main([str(SCHEMAS), str(release)]) == 0


def test_internal_topics_are_no_promise(release):
    path = release / "topics.yaml"
    path.write_text(path.read_text("utf-8").replace("\nqueue-command:", "\nqueue-wish:"), "utf-8")
    assert compat.main([str(SCHEMAS), str(release)]) == 0


def test_a_published_example_is_never_changed(release, capsys):
    edit(release / "examples/order.placed/1/one-line.json", lambda data: data.update(order_id="SO-2"))
    (release / "examples/order.placed/1/only-what-is-required.json").unlink()
    (release / "examples/order.placed/1/another.json").write_text("{}")
    assert compat.main([str(SCHEMAS), str(release)]) == 1
    told = capsys.readouterr().err
    assert "one-line.json: a published golden example was changed" in told
    assert "only-what-is-required.json: a published golden example was removed" in told
    assert "another.json" not in told


def test_without_a_release_there_is_no_promise_yet(release, capsys):
    committed(release)
    assert compat.main([str(release)]) == 0
    assert "no release yet" in capsys.readouterr().out


def test_the_newest_release_tag_is_what_counts(release, capsys):
    committed(release, "v0.1.0")
    assert compat.main([str(release)]) == 0
    edit(release / ORDER, drop_tier)
    assert compat.main([str(release)]) == 1
    assert "v0.1.0" in capsys.readouterr().err


def test_any_git_ref_can_be_compared_with(release, capsys):
    committed(release)
    edit(release / ORDER, drop_tier)
    assert compat.main(["--against", "HEAD", str(release)]) == 1
    assert "customer.tier" in capsys.readouterr().err


def test_a_ref_or_folder_that_does_not_exist_is_said_so(release, capsys):
    committed(release)
    assert compat.main(["--against", "nowhere", str(release)]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert compat.main([str(release / "nothing"), str(release)]) == 2
    assert "There is no folder" in capsys.readouterr().err
