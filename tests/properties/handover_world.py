"""Both ledgers, a clock, and slow channels between them and everybody else."""

from collections import Counter, deque
from datetime import UTC, datetime, timedelta

import msgspec
from handover_books import Books
from handover_sides import PART, GapSide, QueueSide, SupplySide

from backorder_contracts import identity
from backorder_contracts.internal import Cause, LinePlaced, LineRecalled, Origin
from backorder_runtime.record import DeadLetter, Message, SetTimer
from priority_router.domain.events import TimerRang

START = datetime(2026, 11, 24, 7, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
LOCATIONS = ("W1", "W2")
LANES = tuple(identity.lane(PART, place) for place in LOCATIONS)
WAITS = (0 * SECOND, SECOND, 3 * SECOND, HOUR, 30 * HOUR)
_placed = msgspec.json.Decoder(LinePlaced)
_recalled = msgspec.json.Decoder(LineRecalled)


def _cancelled_order(message):
    """The order that a message of the order line topic cancels, or cancels after it was rerouted."""
    if message.type == "order-line.recalled":
        return _recalled.decode(message.value).ref.order_id
    return message.key if message.everywhere else None


class World:
    """`losses`: stock may vanish and records come late. `rogue`: the warehouse ships whatever it likes."""

    def __init__(self, policy, *, losses=False, rogue=False):
        self.losses, self.rogue = losses, rogue
        self.now = START
        self.supply = SupplySide(LOCATIONS)
        self.gap = GapSide(LOCATIONS)
        self.queue = QueueSide(LOCATIONS, policy)
        self.channels = {"order-line": deque()}
        for lane in LANES:
            for topic in ("supply-entry", "supply", "back-order-queue", "back-order-need", "queue-command"):
                self.channels[f"{topic} {lane}"] = deque()
        self.levels = dict.fromkeys(LANES, 0)
        self.versions = dict.fromkeys(LANES, 0)
        self.shipped = Counter()  # (lane, line): units that the warehouse says it shipped
        self.lines = []  # everything placed
        self.rerouted = []
        self.cancelled = []
        self.cancels_under_way = Counter()
        self.stock_records = []
        self.timers = {}
        self.made = 0
        self.steps = 0
        self.books = Books(self)

    # ── running ────────────────────────────────────────────────────────────────────────────────────────

    def come_to_rest(self):
        """Nothing new happens; what is under way arrives, and what is due now is done."""
        for _ in range(20_000):
            busy = [name for name, channel in self.channels.items() if channel]
            if busy:
                self._take(busy[0])
            elif not self._ring():
                return
        raise AssertionError("it never comes to rest")

    def deliver(self, which, units):
        busy = [name for name, channel in self.channels.items() if channel]
        if busy:
            name = busy[which % len(busy)]
            for _ in range(min(units, len(self.channels[name]))):
                self._take(name)

    def wait(self, which, _units):
        self.now += WAITS[which % len(WAITS)]
        while self._ring():
            pass

    def _ring(self):
        due = min(((at, lane, key) for (lane, key), at in self.timers.items() if at <= self.now), default=None)
        if due is None:
            return False
        at, lane, key = due
        del self.timers[lane, key]
        self.send(self.queue.happen(lane, TimerRang(key, at), self.now))
        self.books.after_queue(lane)
        return True

    def _take(self, name):
        topic, _, lane = name.partition(" ")
        message = self.channels[name].popleft()
        match topic:
            case "order-line":
                self._hear_line(message)
            case "supply-entry":
                self.send(self.supply.hear(message.value, self.now))
            case "supply":
                if message.type == "stock.positioned":
                    self.send(self.gap.hear_supply(message.value, self.now))
                    self.books.after_gap(lane)
                self._tell_queue(topic, message, lane)
            case "back-order-need":
                self.send(self.gap.hear_need(message.value, self.now))
                self.books.after_gap(lane)
            case _:
                self._tell_queue(topic, message, lane)
                if topic == "back-order-queue":
                    assert not self.queue.nobody_knew(), "the ledger tells of a back order that it never opened"

    def _tell_queue(self, topic, message, lane):
        self.send(self.queue.hear(topic, message.key, message.value, self.now, message.type))
        self.books.after_queue(lane)

    def _hear_line(self, message):
        self.send(self.gap.hear_lines(message.value, self.now))
        if (order_id := _cancelled_order(message)) is not None:
            self.cancels_under_way[order_id] -= 1
        for lane in LANES:
            self.books.after_gap(lane)

    def send(self, effects):
        for effect in effects:
            match effect:
                case SetTimer(lane, key, None):
                    self.timers.pop((lane, key), None)
                case SetTimer(lane, key, at):
                    self.timers[lane, key] = at
                case DeadLetter():
                    self.books.refused[effect.reason] += 1
                case Message():
                    self._publish(effect)

    def _publish(self, message):
        if message.topic in ("back-order-state", "back-order-snapshot"):
            self.books.published(message)
        elif message.topic == "order-line":
            self.enter_line(message)
        else:
            self.channels[f"{message.topic} {message.key}"].append(message)

    def enter_line(self, message):
        if (order_id := _cancelled_order(message)) is not None:
            self.cancels_under_way[order_id] += 1
        elif (line := _placed.decode(message.value).line).rerouted_from is not None:
            self.rerouted.append(line.ref)
        self.channels["order-line"].append(message)

    def cause(self, kind, delivery_id=None):
        self.made += 1
        return Cause(kind, f"{kind}-{self.made}", delivery_id)

    def origin(self, topic):
        return Origin(topic, 0, self.made)
