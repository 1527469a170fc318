"""What commands share that people type: one line for what went wrong, a question before what cannot be undone."""

import asyncio
import json
import logging
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn

import asyncpg
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException

from backorder_runtime.local_settings import NoSystem
from backorder_runtime.permissions import denied
from backorder_runtime.publisher import PublishingFailed


class CannotDo(Exception):
    """What was asked for cannot be done; the message says why, in one line for who typed the command."""


def run(command: str, work: Coroutine[Any, Any, None]) -> None:
    """Run a command's work; what goes wrong ends it with one line on standard error, and code 1."""
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # it is said once, here
    try:
        asyncio.run(work)
    except (CannotDo, NoSystem) as problem:
        fail(command, str(problem))
    except (KafkaError, KafkaException, PublishingFailed) as error:
        fail(command, denied(error) or f"the broker cannot be used: {error}")
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        fail(command, f"the database cannot be used: {error}")
    except (OSError, TimeoutError) as error:
        fail(command, str(error) or type(error).__name__)
    except KeyboardInterrupt:
        fail(command, "interrupted")


def agreed(question: str, *, yes: bool) -> bool:
    """Whether the person at the terminal agrees, or said so before. Raises `CannotDo` where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise CannotDo(f"about to {question}; say --yes to do it, or --dry-run to look first")
    sys.stdout.write(f"{question[0].upper()}{question[1:]}? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def say(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(f"{text}\n")


def say_json(data: Any) -> None:
    """Data for a program on standard output."""
    say(json.dumps(data, indent=2, ensure_ascii=False))


def tell(text: str) -> None:
    """A line on standard error: about the output, not part of it."""
    sys.stderr.write(f"{text}\n")


def fail(command: str, text: str) -> NoReturn:
    """End the command with one line."""
    tell(f"backorder {command}: {text}")
    raise SystemExit(1)
