"""Configuration, read once from `BACKORDER_*` environment variables; the same everywhere the system runs."""

from typing import Literal, Self

from pydantic import BaseModel, Field, PostgresDsn, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_PATIENCE_MS = 20_000


class KafkaSettings(BaseModel, frozen=True):
    """How to reach the broker. `partitions` is the number of lane partitions, the same on every lane topic.

    A member that is silent for `session_timeout_ms` loses its partitions to others. A reader that has no answer after
    `request_timeout_ms` asks again: a broker may never give one, to a member that joins just after a restart. It has
    to be the longer of the two, since whoever joins waits for the silent ones; default: twice as long, 20 s at least.
    """

    bootstrap_servers: str = "127.0.0.1:9092"
    partitions: int = Field(default=4, ge=1, le=10_000)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: str | None = None
    session_timeout_ms: int = Field(default=6_000, ge=1_000)
    request_timeout_ms: int | None = Field(default=None, ge=1_000)
    compression: Literal["none", "lz4", "zstd", "gzip", "snappy"] = "lz4"

    @model_validator(mode="after")
    def _waits_for_the_silent(self) -> Self:
        if self.patience_ms <= self.session_timeout_ms:
            raise ValueError(
                f"request_timeout_ms, {self.request_timeout_ms}, must be more than session_timeout_ms, "
                f"{self.session_timeout_ms}: whoever joins a group waits for its silent members"
            )
        return self

    @property
    def patience_ms(self) -> int:
        """How long a reader waits for an answer."""
        return self.request_timeout_ms or max(_PATIENCE_MS, 2 * self.session_timeout_ms)


class DatabaseSettings(BaseModel, frozen=True):
    """The service's own role and schema; `pool` is the number of connections at most."""

    url: PostgresDsn = PostgresDsn("postgresql://backorder@127.0.0.1:5432/backorder")
    pool: int = Field(default=6, ge=2, le=200)


class HttpSettings(BaseModel, frozen=True):
    """Where `/metrics`, `/healthz` and `/readyz` are served."""

    host: str = "0.0.0.0"  # noqa: S104 - a container serves its pod's address; the local run says 127.0.0.1
    port: int = Field(default=8080, ge=0, le=65_535)


class LogSettings(BaseModel, frozen=True):
    """Log lines: JSON for machines, `console` for people."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class EngineSettings(BaseModel, frozen=True):
    """Sizes and patience of the engine. `batch` is in records, `batch_bytes` in bytes, times are in seconds.

    What comes for all shards of a process is decided in one transaction while it has at most `together_bytes`.

    `pace` is the shortest time from one turn to the next: what comes meanwhile shares a transaction. A turn that has
    taken as long as `turn` begins no further transaction: timers, claims and a stop wait no longer for a backlog.
    `report` is how often the broker is told, for tools that show lag, where we stand.

    `cached_lanes` is how many lanes of a shard stay in memory; what else a service keeps there of a lane counts, too.

    `dead_letter_limit` is the share of a topic's records, read since the start, that stops the service when it
    refuses them, once it has refused `dead_letter_minimum`; 0 turns that off. `clock_tolerance` is by how much the
    clock may be set back, or differ from the database's, before the service stops; 0 turns that off.
    `topic_watch` is how often the topics are looked at while the service runs.
    """

    batch: int = Field(default=2_000, ge=1, le=100_000)
    batch_bytes: int = Field(default=2_000_000, ge=1_000)
    together_bytes: int = Field(default=400_000, ge=0)
    pace: float = Field(default=0.01, ge=0, le=1)
    turn: float = Field(default=5, ge=0, le=60)
    report: float = Field(default=1, gt=0, le=60)
    poll: float = Field(default=0.1, gt=0, le=5)
    tick: float = Field(default=0.2, gt=0, le=5)
    relay_backlog: int = Field(default=8, ge=1, le=1_000)
    stall: float = Field(default=60, gt=0)
    grace: float = Field(default=15, gt=0)
    cached_lanes: int = Field(default=200_000, ge=1)
    dead_letter_limit: float = Field(default=0.9, ge=0, le=1)
    dead_letter_minimum: int = Field(default=50, ge=1)
    clock_tolerance: float = Field(default=60, ge=0)
    topic_watch: float = Field(default=10, gt=0, le=3600)


class RetentionSettings(BaseModel, frozen=True):
    """How what is over leaves the tables; how long it stays is for each service to say.

    Every `every_seconds` each shard lets at most `step_rows` rows of a table go, sooner while there are more.
    `dead_letters_days`: so long a record that was refused is known to have been; longer than topics keep records.
    """

    step_rows: int = Field(default=1_000, ge=1, le=100_000)
    every_seconds: float = Field(default=5, gt=0, le=3_600)
    dead_letters_days: float = Field(default=30, gt=0)


class Settings(BaseSettings):
    """What every service reads. A service adds its own fields in a subclass."""

    model_config = SettingsConfigDict(
        env_prefix="BACKORDER_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
        extra="ignore",
    )

    kafka: KafkaSettings = KafkaSettings()
    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    engine: EngineSettings = EngineSettings()
    retention: RetentionSettings = RetentionSettings()


def aiokafka_options(kafka: KafkaSettings) -> dict[str, object]:
    """Connection options in the names of aiokafka."""
    options: dict[str, object] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "request_timeout_ms": kafka.patience_ms,
    }
    if kafka.security_protocol != "PLAINTEXT":
        options["security_protocol"] = kafka.security_protocol
    if kafka.security_protocol.endswith("SSL"):
        from aiokafka.helpers import create_ssl_context  # noqa: PLC0415 - reads certificate files

        options["ssl_context"] = create_ssl_context(cafile=kafka.ssl_cafile)
    if kafka.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = kafka.sasl_mechanism
        options["sasl_plain_username"] = kafka.sasl_username
        options["sasl_plain_password"] = _secret(kafka)
    return options


def librdkafka_options(kafka: KafkaSettings) -> dict[str, object]:
    """The same options in the names of librdkafka."""
    options: dict[str, object] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol,
    }
    if kafka.ssl_cafile:
        options["ssl.ca.location"] = kafka.ssl_cafile
    if kafka.security_protocol.startswith("SASL"):
        options["sasl.mechanism"] = kafka.sasl_mechanism
        options["sasl.username"] = kafka.sasl_username
        options["sasl.password"] = _secret(kafka)
    return options


def _secret(kafka: KafkaSettings) -> str | None:
    return kafka.sasl_password.get_secret_value() if kafka.sasl_password else None
