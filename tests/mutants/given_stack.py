"""A pytest plugin: the broker and the database are those that the environment names, and are left running."""

import os
from types import SimpleNamespace

import pytest

from backorder_dev.stack import Stack

BROKER, POSTGRES, PARTITIONS = "GIVEN_BROKER", "GIVEN_POSTGRES", "GIVEN_PARTITIONS"


def variables(stack):
    """What tells a process of this stack."""
    return {
        BROKER: stack.broker.bootstrap_servers,
        POSTGRES: stack.postgres.admin_url,
        PARTITIONS: str(stack.partitions),
    }


@pytest.fixture(scope="session")
def postgres():
    return SimpleNamespace(admin_url=os.environ[POSTGRES], admin_url_of=_of)


@pytest.fixture(scope="session")
def stack(postgres):
    """Its database is nobody's: each test provisions its own."""
    broker = SimpleNamespace(bootstrap_servers=os.environ[BROKER])
    return Stack(broker, postgres, None, int(os.environ[PARTITIONS]))


def _of(database):
    start, _, _ = os.environ[POSTGRES].rpartition("/")
    return f"{start}/{database}"
