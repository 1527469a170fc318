"""Which policy is in force: followed on its topic, and put to every lane without a restart."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog

from backorder_contracts.internal import Cause
from backorder_contracts.policy import PolicyApplied
from backorder_runtime import database
from backorder_runtime.database import Conn
from backorder_runtime.lifecycle import first_of
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.service import Running
from priority_router import policy_topic
from priority_router.domain.policy import Policy
from priority_router.policy_file import default_text, read_policy
from priority_router.policy_topic import PLACE, TOPIC, NotAPolicyError

T = TypeVar("T")
POLICY_TIMER = "policy"
_WAIT = 0.5
_log = structlog.get_logger()

_KEEP = "INSERT INTO policy (version, text) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING"
_TEXT = "SELECT text FROM policy WHERE version = $1"
_WAIT_FOR_BATCHES = "SELECT pg_advisory_xact_lock($1)"
# every lane that stands by another policy is to be ranked anew, by whoever owns it
_ASK_LANES = """
INSERT INTO timer (shard, lane, key, due_at)
SELECT shard, lane, $2, now() FROM lane_queue WHERE policy_version <> $1
ON CONFLICT DO NOTHING
"""


class Policies:
    """The policies that this process knows. `known` is set once the topic was read to its end.

    By its `number`, drawn at random, the batches of this process are told from those of others.
    """

    def __init__(self) -> None:
        self.number = secrets.randbits(62)
        self.current: Policy = read_policy(default_text(), "default policy")
        self.cause = Cause("policy", self.current.version)
        self.applied: PolicyApplied | None = None
        self.known = asyncio.Event()
        self._by_version = {self.current.version: self.current}
        self._texts = {self.current.version: default_text()}

    @property
    def text(self) -> str:
        """The policy in force as it was written."""
        return self._texts[self.current.version]

    def take(self, text: str) -> bool:
        """Put a policy in force; False when it is in force already. Raises `PolicyMistakesError`."""
        policy = read_policy(text, TOPIC)
        if policy.version == self.current.version and text == self.text:
            return False
        self._by_version[policy.version] = self.current = policy
        self._texts[policy.version] = text
        self.cause = Cause("policy", policy.version)
        return True

    def known_as(self, version: str) -> Policy | None:
        """The policy of a version that this process has seen."""
        return self._by_version.get(version)

    def remember(self, version: str, text: str | None) -> Policy:
        """The policy of a version that some lane still stands by; without a text, the one in force."""
        policy = self.current if text is None else read_policy(text, f"policy {version}")
        self._by_version[version] = policy
        return policy

    async def wait_for_batches(self, conn: Conn) -> None:
        """Wait for batches of this process that may not know what was taken last: then all see what they stored.

        In a transaction of its own, which ends at once: batches that come next wait for it, and need not be waited
        for, because they know.
        """
        await conn.execute(_WAIT_FOR_BATCHES, self.number)

    async def put_in_force(self, conn: Conn) -> None:
        """Remember the policy and ask every lane that stands by another one to rank anew."""
        await conn.execute(_KEEP, self.current.version, self.text)
        await conn.execute(_ASK_LANES, self.current.version, POLICY_TIMER)


async def follow(policies: Policies, running: Running, stop: asyncio.Event) -> None:
    """Read the policy topic from its beginning, and go on reading until `stop` is set."""
    consumer = await policy_topic.open_consumer(running.settings.kafka)
    try:
        async for records in policy_topic.up_to_now(consumer):
            await _take_all(policies, running, records, stop)
        await _put_in_force(policies, running, stop)
        if stop.is_set():
            return
        policies.known.set()
        while not stop.is_set():
            fetched = await first_of(consumer.getmany(PLACE, timeout_ms=1_000), stop.wait())
            for records in (fetched or {}).values():
                if await _take_all(policies, running, records, stop):
                    await _put_in_force(policies, running, stop)
    finally:
        await consumer.stop()


async def _take_all(policies: Policies, running: Running, records: Sequence[Any], stop: asyncio.Event) -> bool:
    """Take the policies of these records, the bad ones left out; whether another one is in force now."""
    changed = False
    for record in records:
        try:
            event, policy = _understood(record)
            await _check_text(policies, running, event, policy, stop)
            changed = policies.take(event.text) or changed
        except NotAPolicyError as mistakes:
            _log.error("policy refused, the one before stays", offset=record.offset, mistakes=str(mistakes))
        else:
            policies.applied = event
    return changed


def _understood(record: Any) -> tuple[PolicyApplied, Policy]:
    """What a record puts in force. Raises `NotAPolicyError`.

    Whatever goes wrong with it: it stays on the topic, and would end each process that reads it, at each start.
    """
    try:
        event = policy_topic.decode(record)
        return event, read_policy(event.text, TOPIC)
    except NotAPolicyError:
        raise
    except Exception as error:
        raise NotAPolicyError(str(error) or repr(error)) from error


async def _check_text(
    policies: Policies, running: Running, event: PolicyApplied, policy: Policy, stop: asyncio.Event
) -> None:
    """A version means one text for ever: lanes remember only by which version they stand."""
    if policy.version != event.version:
        raise NotAPolicyError(f"the event says version {event.version}, its text says {policy.version}")
    known = await _when_there(running, stop, lambda conn: conn.fetchval(_TEXT, event.version))
    if policy.version == policies.current.version:
        known = policies.text
    if known is not None and known != event.text:
        raise NotAPolicyError(f"version {event.version} was in force with another text; give this one another name")
    # before any lane of this process can stand by it: another process may claim that lane and look the text up
    await _when_there(running, stop, lambda conn: conn.execute(_KEEP, event.version, event.text))


async def _put_in_force(policies: Policies, running: Running, stop: asyncio.Event) -> None:
    await _when_there(running, stop, policies.wait_for_batches)
    await _when_there(running, stop, policies.put_in_force)
    _log.info("policy in force", version=policies.current.version)


async def _when_there(running: Running, stop: asyncio.Event, work: Callable[[Conn], Awaitable[T]]) -> T | None:
    """Do it as soon as the database is there: no lane goes on without. None when `stop` came first."""
    while not stop.is_set():
        try:
            async with running.pool.acquire() as conn, conn.transaction():
                return await work(conn)
        except database.PASSING as error:
            stop_if_denied(error)
            _log.warning("policies wait for the database", error=repr(error))
            await first_of(stop.wait(), timeout=_WAIT)
    return None
