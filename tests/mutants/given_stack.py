"""A pytest plugin: the broker and the database are those that the environment names, and are left running."""

import os
from types import SimpleNamespace

import pytest

from backorder_dev.stack import Stack

BROKER, POSTGRES, PARTITIONS = "GIVEN_BROKER", "GIVEN_POSTGRES", "GIVEN_PARTITIONS"


def given(stack):
    """What the harness takes to run tests on this stack; of the plugins the second has the last word."""
    variables = {
        BROKER: stack.broker.bootstrap_servers,
        POSTGRES: stack.postgres.admin_url,
        PARTITIONS: str(stack.partitions),
    }
    return {"plugins": ("backorder_dev.testing", "given_stack"), "variables": variables}


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
