"""What a broker refuses for lack of permission, in words: no waiting mends it, so it stops the service."""

from collections.abc import Iterator

from aiokafka import errors as aiokafka
from confluent_kafka import KafkaError, KafkaException

_ADVICE = (
    "Give the user of BACKORDER_KAFKA__SASL_USERNAME what it needs (deploy/k8s/generate_topics.py lists it), "
    "or check which user that is"
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
    """The broker refuses what the service needs; the message says what, and what to do."""


def denied(error: BaseException, about: str = "") -> str | None:
    """What to tell people when an error, or what led to it, is a lack of permission; None when it is something else."""
    for cause in _causes(error):
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


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
