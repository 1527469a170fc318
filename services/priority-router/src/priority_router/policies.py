"""Which policy is in force: followed on its topic, and put to every lane without a restart."""

import asyncio
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from backorder_contracts.internal import Cause
from backorder_runtime.database import Conn
from backorder_runtime.lifecycle import first_of
from backorder_runtime.service import Running
from backorder_runtime.settings import aiokafka_options

from priority_router.domain.policy import Policy
from priority_router.policy_file import PolicyMistakesError, default_text, read_policy

POLICY_TIMER = "policy"
TOPIC = "back-order-policy"
_log = structlog.get_logger()

_KEEP = "INSERT INTO policy (version, text) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING"
_TEXT = "SELECT text FROM policy WHERE version = $1"
# every lane that stands by another policy is to be ranked anew, by whoever owns it
_ASK_LANES = """
INSERT INTO timer (shard, lane, key, due_at)
SELECT shard, lane, $2, now() FROM lane_queue WHERE policy_version <> $1
ON CONFLICT DO NOTHING
"""


class Policies:
    """The policies that this process knows. `known` is set once the topic was read to its end."""

    def __init__(self) -> None:
        self.current: Policy = read_policy(default_text(), "default policy")
        self.cause = Cause("policy", self.current.version)
        self.known = asyncio.Event()
        self._by_version = {self.current.version: self.current}
        self._texts = {self.current.version: default_text()}

    def take(self, text: str) -> bool:
        """Put a policy in force; False when it is in force already. Raises `PolicyMistakesError`."""
        policy = read_policy(text, TOPIC)
        if policy.version == self.current.version:
            return False
        self._by_version[policy.version] = self.current = policy
        self._texts[policy.version] = text
        self.cause = Cause("policy", policy.version)
        return True

    async def version(self, conn: Conn, version: str) -> Policy:
        """The policy of a version that some lane still stands by."""
        if version not in self._by_version:
            text = await conn.fetchval(_TEXT, version)
            self._by_version[version] = self.current if text is None else read_policy(text, f"policy {version}")
        return self._by_version[version]

    async def put_in_force(self, conn: Conn) -> None:
        """Remember the policy and ask every lane that stands by another one to rank anew."""
        await conn.execute(_KEEP, self.current.version, self._texts[self.current.version])
        await conn.execute(_ASK_LANES, self.current.version, POLICY_TIMER)


async def follow(policies: Policies, running: Running, stop: asyncio.Event) -> None:
    """Read the policy topic from its beginning, and go on reading until `stop` is set."""
    consumer: Any = AIOKafkaConsumer(**aiokafka_options(running.settings.kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(TOPIC, 0)
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        await consumer.seek_to_beginning(place)
        while await consumer.position(place) < end and not stop.is_set():
            _take_all(policies, await consumer.getmany(place, timeout_ms=200))
        await _put_in_force(policies, running)
        policies.known.set()
        while not stop.is_set():
            fetched = await first_of(consumer.getmany(place, timeout_ms=1_000), stop.wait())
            if fetched and _take_all(policies, fetched):
                await _put_in_force(policies, running)
    finally:
        await consumer.stop()


def _take_all(policies: Policies, fetched: dict[TopicPartition, list[Any]]) -> bool:
    changed = False
    for records in fetched.values():
        for record in records:
            try:
                changed = policies.take((record.value or b"").decode()) or changed
            except (PolicyMistakesError, UnicodeDecodeError) as mistakes:
                _log.error("policy refused, the one before stays", offset=record.offset, mistakes=str(mistakes))
    return changed


async def _put_in_force(policies: Policies, running: Running) -> None:
    async with running.pool.acquire() as conn, conn.transaction():
        await policies.put_in_force(conn)
    _log.info("policy in force", version=policies.current.version)
