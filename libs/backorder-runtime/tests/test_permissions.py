"""A lack of permission is told from what passes, by whichever client it comes from."""

import asyncpg
import pytest
from aiokafka import errors as aiokafka
from confluent_kafka import KafkaError, KafkaException

from backorder_runtime.permissions import NotPermitted, denied, stop_if_denied
from backorder_runtime.publisher import PublishingFailed


def caused_by(error, cause):
    error.__cause__ = cause
    return error


DENIED = {
    "topic": aiokafka.TopicAuthorizationFailedError("order-line"),
    "group": aiokafka.GroupAuthorizationFailedError("backorder.gap-detector.lanes"),
    "cluster": aiokafka.ClusterAuthorizationFailedError(),
    "coordination": caused_by(
        aiokafka.KafkaError("Unexpected error during coordination"), aiokafka.GroupAuthorizationFailedError("g")
    ),
    "password": aiokafka.SaslAuthenticationFailed(),
    "librdkafka": KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)),
    "publishing": caused_by(
        PublishingFailed("refused"), KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED))
    ),
}
REFUSED = asyncpg.InsufficientPrivilegeError("permission denied for table shard")
REFUSED_BY_DATABASE = {
    "statement": REFUSED,
    "what it led to": caused_by(PublishingFailed("not begun"), REFUSED),
}


def no_end_of_an_administrators_session():
    error = asyncpg.InsufficientPrivilegeError("permission denied to terminate process")
    error.server_source_function = "pg_terminate_backend"
    return error


PASSING = [
    aiokafka.KafkaConnectionError(),
    aiokafka.NotLeaderForPartitionError(),
    KafkaException(KafkaError(KafkaError._TRANSPORT)),
    PublishingFailed("too large"),
    OSError(),
    asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"),
    asyncpg.UndefinedTableError('relation "shard" does not exist'),
    asyncpg.UndefinedColumnError('column "epoch" does not exist'),
    no_end_of_an_administrators_session(),
]


@pytest.mark.parametrize("error", DENIED.values(), ids=DENIED)
def test_what_is_not_permitted_stops_with_what_to_do(error):
    with pytest.raises(NotPermitted, match=r"the broker does not permit .*BACKORDER_KAFKA__SASL_USERNAME"):
        stop_if_denied(error)


@pytest.mark.parametrize("error", REFUSED_BY_DATABASE.values(), ids=REFUSED_BY_DATABASE)
def test_what_the_database_does_not_permit_stops_with_what_was_refused_and_what_to_do(error):
    said = r"the database does not permit .*: permission denied for table shard\. .*BACKORDER_DATABASE__URL.*GRANT ALL"
    with pytest.raises(NotPermitted, match=said):
        stop_if_denied(error)


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_stops_nothing(error):
    stop_if_denied(error)
    assert denied(error) is None


def test_the_message_names_what_was_asked_for():
    assert "a topic (order-line)" in denied(DENIED["librdkafka"], "order-line")
