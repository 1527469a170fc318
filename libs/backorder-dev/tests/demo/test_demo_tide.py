"""The tide passes a moment only when everything published before it has gone through every stage."""

from backorder_dev.demo.tide import STAGES, WATCHER, Snapshot, Tide, groups

TOPICS = [topic for stage in STAGES for topics in stage.values() for topic in topics] + ["back-order-need"]


class System:
    """Logs with one partition each, and groups that read when they are told to."""

    def __init__(self):
        self.ends = dict.fromkeys(TOPICS, 0)
        self.read = {group: dict.fromkeys(topics, 0) for group, topics in groups().items()}
        self.read[WATCHER] = {"back-order-state": 0}
        self.tide = Tide()

    def look(self, at):
        self.tide.feed(
            Snapshot(
                at,
                at,
                {(topic, 0): end for topic, end in self.ends.items()},
                {group: {(topic, 0): place for topic, place in read.items()} for group, read in self.read.items()},
            )
        )
        return self.tide.reached

    def all_read(self, topic):
        for read in self.read.values():
            if topic in read:
                read[topic] = self.ends[topic]


def test_nothing_is_reached_before_anything_was_seen():
    assert Tide().reached == 0


def test_a_quiet_system_is_as_far_as_the_looks_at_it():
    system = System()
    reached = [system.look(float(at)) for at in range(1, 10)]
    assert reached[-1] == 9 - len(STAGES) + 1
    assert reached == sorted(reached)


def test_an_order_holds_the_tide_until_its_answer_was_seen():
    system = System()
    for at in range(1, 10):
        system.look(float(at))
    for publisher, topic in (
        (10, "order-placed"),
        (20, "order-line"),
        (30, "back-order-queue"),
        (40, "back-order-state"),
    ):
        system.ends[topic] += 1
        for at in range(publisher, publisher + 9):
            assert system.look(float(at)) < 10
        system.all_read(topic)
        system.look(publisher + 9.0)
    for at in range(50, 60):
        system.look(float(at))
    assert system.tide.reached >= 10


def test_what_is_still_being_published_does_not_count_as_published():
    tide = Tide()
    for at in range(1, 20):
        tide.feed(Snapshot(float(at), 3.0, {}, {}))
    assert tide.reached == 3.0


def test_lags_name_the_group_and_the_topic():
    system = System()
    system.ends["supply"] = 5
    system.read["backorder.gap-detector.lanes"]["supply"] = 3
    system.look(1.0)
    lags = {where: lag for where, lag in system.tide.lags.items() if lag}
    assert lags == {"backorder.gap-detector.lanes ← supply": 2, "backorder.priority-router.lanes ← supply": 5}


def test_every_service_is_watched():
    services = {group.split(".")[1] for group in groups()}
    assert services == {"gap-detector", "inventory-sync", "priority-router", "notifier"}
