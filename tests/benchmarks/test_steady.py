"""Who watches a steady load: an event that comes again as it was is no second one."""

import json
from datetime import UTC, datetime

from soak import remarks
from steady import Watch


def test_an_event_that_is_published_again_is_counted_apart_and_another_of_the_same_order_is_one_too_many():
    watch = Watch()
    watch.await_("opened", "SO-1", 0.0)
    for event_id in (b"one", b"one", b"two"):
        watch.saw("opened", "SO-1", event_id)
    assert (len(watch.take()["opened"]), watch.repeated, watch.unexpected, watch.scheduled) == (1, 1, 1, {})


def test_what_the_services_said_of_claims_and_trouble_since_then_is_told_in_its_order(tmp_path):
    began = {"event": "the broker is not there yet", "level": "warning", "@timestamp": "2026-11-28T06:59:59Z"}
    claimed = {"shard": 2, "unsent": 3, "event": "claimed", "level": "info", "@timestamp": "2026-11-28T07:00:02Z"}
    away = {"event": "the broker is away", "level": "warning", "@timestamp": "2026-11-28T07:00:01Z"}
    usual = {"event": "batch", "level": "info", "@timestamp": "2026-11-28T07:00:00Z"}
    (tmp_path / "a.log").write_text("".join(json.dumps(each) + "\n" for each in (usual, claimed)), "utf-8")
    (tmp_path / "b.log").write_text(f"no JSON\n{json.dumps(began)}\n{json.dumps(away)}\n", "utf-8")
    since = datetime(2026, 11, 28, 7, tzinfo=UTC).timestamp()
    assert [json.loads(line) for line in remarks(tmp_path, since)] == [away, claimed]
