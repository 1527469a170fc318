"""What broker and database refuse for lack of permission, in words: no waiting mends it, so it stops the service."""

from collections.abc import Iterator

from aiokafka import errors as aiokafka
from asyncpg import InsufficientPrivilegeError
from confluent_kafka import KafkaError, KafkaException

_ADVICE = (
    "Give the user of BACKORDER_KAFKA__SASL_USERNAME what it needs (deploy/k8s/generate_topics.py lists it), "
    "or check which user that is"
)
_DATABASE_ADVICE = (
    "The role of BACKORDER_DATABASE__URL needs every right on its schema and on the tables there. Check which role "
    "that is (`backorder database provision` and deploy/postgres/schemas.sql make roles and schemas), or have an "
    "administrator run GRANT ALL ON SCHEMA <name> TO <role>; GRANT ALL ON ALL TABLES IN SCHEMA <name> TO <role>; "
    "then start again. Nothing was skipped"
)
_OURS = {
    aiokafka.TopicAuthorizationFailedError: "a topic",
    aiokafka.GroupAuthorizationFailedError: "a consumer group",
    aiokafka.ClusterAuthorizationFailedError: "the cluster",
    aiokafka.TransactionalIdAuthorizationFailed: "a transactional id",
    aiokafka.AuthenticationFailedError: "this user or password",
    aiokafka.SaslAuthenticationFailed: "this user or password",
}
_THEIRS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "a topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "a consumer group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "the cluster",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "a transactional id",
    KafkaError.SASL_AUTHENTICATION_FAILED: "this user or password",
    KafkaError._AUTHENTICATION: "this user or password",  # noqa: SLF001 - the library's name for it
}


class NotPermitted(Exception):
    """The broker or the database refuses what the service needs; the message says what, and what to do."""


def denied(error: BaseException, about: str = "") -> str | None:
    """What to tell people when an error, or what led to it, is a lack of permission; None when it is something else.

    `about` is what was asked of the broker. What the database refuses stands in its own message.
    """
    for cause in _causes(error):
        if _refused_by_database(cause):
            return f"the database does not permit a statement: {cause}. {_DATABASE_ADVICE}."
        if (what := _refused(cause)) is not None:
            return f"the broker does not permit {what}{about and f' ({about})'}: {cause}. {_ADVICE}."
    return None


def stop_if_denied(error: BaseException, about: str = "") -> None:
    """Raise `NotPermitted` for a lack of permission; do nothing for what may pass. `about` is what was asked for."""
    if (problem := denied(error, about)) is not None:
        raise NotPermitted(problem) from error


def _refused(error: BaseException) -> str | None:
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return _THEIRS.get(error.args[0].code())
    return next((what for kind, what in _OURS.items() if isinstance(error, kind)), None)


def _refused_by_database(error: BaseException) -> bool:
    # a claim may not end the session of an administrator who holds its row: that session will end, so it is waited for
    return isinstance(error, InsufficientPrivilegeError) and error.server_source_function != "pg_terminate_backend"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
