"""The ledger says and becomes what a naive model of single units says and becomes, whatever happens to both."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from ledger_desk import HERE, PART, PLACED_AT, need, ref, stock
from ledger_oracle import NOBODY, QUEUE, Shelf

from backorder_contracts.internal import LineDetail, LineRef, Origin
from gap_detector.domain import events as e
from gap_detector.domain.decide import decide
from gap_detector.domain.evolve import evolve
from gap_detector.domain.model import Lane

NAMES = ("A", "A/2", "B", "C", "D")
names = st.sampled_from(NAMES)
few = st.integers(1, 6)
some = st.one_of(st.none(), few)
# one line always has the same content: placing it again is a duplicate
placed = st.tuples(st.just("placed"), names, st.lists(some, max_size=2))
cancelled = st.tuples(st.just("cancelled"), names, some)
shipped = st.lists(st.tuples(names, few), max_size=2)
levelled = st.tuples(st.just("levelled"), st.integers(0, 14), st.integers(-2, 3), shipped)
changes = st.lists(st.tuples(names, st.integers(-4, 4)), max_size=2, unique_by=lambda change: change[0])
answer = st.tuples(names, st.integers(0, 4), st.integers(0, 4), st.integers(-3, 3))
answers = st.lists(answer, max_size=2, unique_by=lambda answer: answer[0])
heard = st.tuples(st.just("heard"), changes, st.integers(0, 3), answers)
followed = st.tuples(st.just("followed"), names, st.integers(1, 5))
stories = st.lists(st.one_of(placed, levelled, cancelled, heard, placed, levelled, followed), min_size=8, max_size=40)

KEYS = {
    e.CoverShipped: "cover left",
    e.Shorted: "lacks",
    e.CancelSent: "asked",
    e.CancelLeft: "refused",
}


class Both:
    """The ledger and its model."""

    def __init__(self):
        self.lane = Lane(PART, HERE)
        self.shelf = Shelf()

    def play(self, step):
        self.shelf.told = Counter()
        facts = getattr(self, step[0])(*step[1:])
        assert told(facts) == self.shelf.told
        self.compare()

    def do(self, event):
        facts = decide(self.lane, event)
        for fact in facts:
            evolve(self.lane, fact)
        return facts

    def placed(self, name, cancels):
        quantity = 3 + NAMES.index(name)
        line_ref = ref(name)
        line = LineDetail(line_ref.order_id, line_ref.line_id, PART, HERE, quantity, PLACED_AT, "C-1")
        self.shelf.placed(name, quantity, cancels)
        return self.do(e.LineArrived(line, line.ref, need().cause, Origin("order-placed", 0, 0), tuple(cancels)))

    def cancelled(self, name, units):
        self.shelf.cancelled(name, units)
        return self.do(e.LineCancelled(ref(name), units, need().cause))

    def followed(self, name, total):
        self.shelf.followed(name, total)
        return self.do(e.LineFollowed(ref(name), total, need().cause))

    def levelled(self, on_hand, later, shipped):
        version = max(0, self.shelf.version + later)
        self.shelf.levelled(on_hand, version, shipped)
        left = {}
        for name, units in shipped:
            left[name] = left.get(name, 0) + units
        return self.do(stock(on_hand, version=version, shipped=left))

    def heard(self, changes, returned, answers):
        # no queue answers more than it was asked, nor cancels more than it has; unless a command made it
        fitting = []
        for name, asked, done, away in answers:
            wish = self.shelf.wish(name)
            asked_then = min(asked, wish.asked)
            done_then = min(done, asked_then or wish.need + 1)
            fitting.append((name, asked_then, done_then, max(away, done_then - asked_then, -wish.away)))
        self.shelf.heard(changes, returned, fitting)
        return self.do(need(dict(changes), returned=returned, answers=fitting))

    def compare(self):
        lane, shelf = self.lane, self.shelf
        assert lane.on_hand == len(shelf.units)
        assert lane.free == len(shelf.owned(NOBODY))
        assert lane.handed == len(shelf.owned(QUEUE)) - shelf.owes
        assert lane.needed == shelf.needed
        for name in NAMES:
            line, wish = lane.lines.get(ref(name)), shelf.wish(name)
            if line is None:
                continue
            assert (line.covered, line.cover_shipped) == (len(shelf.owned(name)), wish.cover_left), name
            assert (line.need, line.counted, line.cancelling) == (wish.need, wish.counted, wish.asked), name
            assert (line.shipped, line.cancelled, line.opened) == (wish.left, wish.cancelled, wish.opened), name
            assert (line.away, line.recalled) == (wish.away, wish.recalled), name
        assert lane.covered == sum(line.covered for line in lane.lines.values())
        assert lane.handed + lane.needed == sum(line.counted for line in lane.lines.values())


def told(facts):
    """What the facts say, unit by unit."""
    units = Counter()
    for fact in facts:
        match fact:
            case e.Handed(n):
                units["handed" if n > 0 else "taken"] += abs(n)
            case e.LineEntered():
                units["covered", name_of(fact.ref)] += fact.covered
            case e.Uncovered():
                units["gave up" if fact.cancelled else "lost", name_of(fact.ref)] += fact.units
            case e.BackOrderLeft():
                units["back order left", name_of(fact.ref)] += fact.units
                units["counted", name_of(fact.ref)] += fact.counted
            case _ if type(fact) in KEYS:
                units[KEYS[type(fact)], name_of(fact.ref)] += fact.units
    return units


def name_of(line_ref: LineRef):
    return line_ref.order_id if line_ref.line_id == "1" else f"{line_ref.order_id}/{line_ref.line_id}"


@given(stories)
def test_the_ledger_is_what_a_shelf_of_owned_units_is(steps):
    both = Both()
    for step in steps:
        both.play(step)
