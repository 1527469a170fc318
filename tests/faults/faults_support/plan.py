"""Which fault comes when, to whom, and for how long: drawn from a seed, without any I/O."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import count
from typing import TypeVar

SERVICES = ("gap-detector", "inventory-sync", "priority-router", "notifier")
AUDITOR = "auditor"  # owns no shard, is in no group, and is one process
BROKERS = 3
BOTH = 0  # instead of the number of one of the two processes of a service
LONG = 30.0  # seconds that a long pause takes
# seconds that some cuts take: longer than a service waits for an answer to its work, which is 60 for a statement, 20
# for aiokafka and 60 for librdkafka; so each has given up, and has tried in vain what it does then
OUTAGE = 75.0
_CUTS_TO_AN_OUTAGE = 20  # of those that last; the one is among them
_ROUNDS_TO_A_BURST = 3  # of each kind
T = TypeVar("T")


class Kind(Enum):
    """A kind of fault; the value is how the table names it."""

    KILL = "kill -9 of a service"
    PAUSE = "SIGSTOP of a service"
    LONG_PAUSE = "SIGSTOP for 30 seconds"
    ZOMBIE = "zombie after its partitions moved"
    MEMBERSHIP = "member leaves and joins"
    STORM = "rebalance storm"
    DATABASE = "database stopped immediately"
    CLUSTER = "all brokers killed"
    LEADER = "leader killed"
    COORDINATOR = "group coordinator killed"
    BROKER_CUT = "service cut from the brokers"
    DATABASE_CUT = "service cut from the database"
    FULL_DISK = "database's disk full"


class Mode(Enum):
    """How a connection is cut."""

    CUT = "reset once"
    REFUSE = "reset, and again at each try"
    STALL = "nothing passes, nothing is lost"
    MUTE = "requests pass, answers are lost"


# what one round of a short run holds: the others take longer, or do in another way what one of these does
SHORT = (
    Kind.KILL,
    Kind.PAUSE,
    Kind.ZOMBIE,
    Kind.DATABASE,
    Kind.LEADER,
    Kind.BROKER_CUT,
    Kind.DATABASE_CUT,
    Kind.FULL_DISK,
)


# what can be done to whoever is a process with connections, and what takes members of a group
_TO_ALL = {Kind.KILL, Kind.PAUSE, Kind.LONG_PAUSE, Kind.BROKER_CUT, Kind.DATABASE_CUT}
_TO_MEMBERS = {Kind.ZOMBIE, Kind.MEMBERSHIP}


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault. `seconds` is how long it lasts, where it lasts; `process` is 1, 2 or `BOTH`, where it has a target."""

    number: int
    kind: Kind
    service: str | None = None
    process: int = BOTH
    seconds: float = 0.0
    mode: Mode | None = None
    draw: int = 0  # for what the campaign cannot know before: which lane's leader, which group's coordinator
    burst: int = 0  # order lines that come at once just before it

    def __str__(self) -> str:
        """As the log of a campaign names it."""
        who = f" {self.service}/{self.process or 'both'}" if self.service else ""
        how = f", {self.mode.value}" if self.mode else ""
        long = f", {self.seconds:.1f} s" if self.seconds else ""
        behind = f", behind {self.burst} lines" if self.burst else ""
        return f"{self.number}. {self.kind.value}{who}{how}{long}{behind}"


def rounds(
    seed: int, *, session: float, outages: bool = True, kinds: Sequence[Kind] = tuple(Kind), burst: int = 0
) -> Iterator[list[Injection]]:
    """Round after round for ever; each holds every kind once, in an order of its own.

    Args:
        seed: gives the same plan again.
        session: seconds after which a silent member has lost its partitions; every pause is longer.
        outages: whether one in twenty of the cuts that last is an outage.
        kinds: which faults.
        burst: order lines behind which each kind but a storm comes in every third round: a storm attacks no part.
    """
    draw = random.Random(seed)
    targets = {kind: _turns(draw, targets_of(kind)) for kind in kinds}
    cuts = {kind: _cuts(draw, outages=outages) for kind in kinds}
    number = 0
    for turn in count(seed):
        order = list(kinds)
        draw.shuffle(order)
        found = []
        for kind in order:
            number += 1
            one = _injection(number, kind, draw, targets[kind], cuts[kind], session)
            behind = kind is not Kind.STORM and (turn + kinds.index(kind)) % _ROUNDS_TO_A_BURST == 0
            found.append(replace(one, burst=burst if behind else 0))
        yield found


def targets_of(kind: Kind) -> tuple[str, ...]:
    """The services that a fault of this kind is done to, one at a time; none where it is not about a service."""
    return (*SERVICES, AUDITOR) if kind in _TO_ALL else SERVICES if kind in _TO_MEMBERS else ()


def _injection(
    number: int,
    kind: Kind,
    draw: random.Random,
    targets: Iterator[str],
    cuts: Iterator[tuple[Mode, bool]],
    session: float,
) -> Injection:
    both_share = {Kind.KILL: 0.2, Kind.BROKER_CUT: 0.5, Kind.DATABASE_CUT: 0.5}
    service, process, mode, seconds = None, BOTH, None, 0.0
    if targets_of(kind):
        service = next(targets)
        process = BOTH if draw.random() < both_share.get(kind, 0) else draw.choice((1, 2))
        process = 1 if service == AUDITOR else process
    if kind in {Kind.BROKER_CUT, Kind.DATABASE_CUT}:
        mode, outage = next(cuts)
        seconds = OUTAGE if outage else 0.0 if mode is Mode.CUT else draw.uniform(0.5, 2 * session)
    match kind:
        case Kind.PAUSE:
            seconds = session + draw.uniform(2, 4)
        case Kind.LONG_PAUSE:
            seconds = LONG
        case Kind.MEMBERSHIP:
            seconds = draw.uniform(0.2, 1.5)
        case Kind.STORM:
            seconds = draw.uniform(2, 4)
        case Kind.FULL_DISK:
            seconds = draw.uniform(1, 3)
        case _:
            pass
    return Injection(number, kind, service, process, round(seconds, 2), mode, draw.randrange(1 << 30))


def _cuts(draw: random.Random, *, outages: bool) -> Iterator[tuple[Mode, bool]]:
    """How one after the other is cut, and whether that is an outage."""
    turns = _turns(draw, [True] + [False] * (_CUTS_TO_AN_OUTAGE - 1))
    for mode in _turns(draw, tuple(Mode)):
        yield mode, outages and mode is not Mode.CUT and next(turns)


def _turns(draw: random.Random, choices: Sequence[T]) -> Iterator[T]:
    """Each choice as often as any other, in a new order each time round."""
    while True:
        yield from draw.sample(choices, len(choices))
