"""The configuration of a broker: alone, or one of a cluster; with more doors than one where somebody needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backorder_dev.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Listener:
    """Another door to a broker: clients that come in there are told to come back to `advertised_port`.

    With a proxy on the advertised port, all that these clients exchange with the broker goes through it.
    """

    name: str
    port: int
    advertised_port: int


@dataclass(frozen=True, slots=True)
class Node:
    """A broker's place in its cluster.

    Attributes:
        number: its node id.
        controllers: node id → port of its controller, of all nodes; the same on each of them.
        cluster_id: of the cluster, as Kafka makes them; the same on each node.
    """

    number: int
    controllers: Mapping[int, int]
    cluster_id: str


# What makes a small broker start, rebalance and fail over quickly; what decides whether data survives (flushing,
# retention, elections) stays as Kafka has it. The session timeout is how long a restart after a crash takes: the
# controller refuses it until the former session has passed. The book of groups is short: ADR 25.
_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners={listeners}
advertised.listeners={advertised}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map={protocols}
log.dirs={log_dir}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
offsets.topic.segment.bytes=1048576
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
message.max.bytes=2097152
replica.fetch.max.bytes=2097152
log.cleaner.dedupe.buffer.size=16777216
num.network.threads={network_threads}
num.io.threads=4
background.threads=4
"""

LOGGING = """\
<Configuration status="ERROR">
  <Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


def properties(node: Node, port: int, listeners: Sequence[Listener], log_dir: Path) -> str:
    """`broker.properties` of a node whose first door is `port`."""
    replicas = len(node.controllers)
    doors = (Listener("PLAINTEXT", port, port), *listeners)
    controller = f"CONTROLLER://{LOOPBACK}:{node.controllers[node.number]}"
    return _PROPERTIES.format(
        node=node.number,
        voters=",".join(f"{number}@{LOOPBACK}:{at}" for number, at in sorted(node.controllers.items())),
        listeners=",".join([*(f"{each.name}://{LOOPBACK}:{each.port}" for each in doors), controller]),
        advertised=",".join(f"{each.name}://{LOOPBACK}:{each.advertised_port}" for each in doors),
        protocols=",".join(f"{name}:PLAINTEXT" for name in ("CONTROLLER", *(each.name for each in doors))),
        log_dir=log_dir,
        replicas=replicas,
        in_sync=max(1, replicas - 1),
        network_threads=1 if listeners else 2,
    )
