"""The samples that integrators copy."""

import ast
import json
import re
from pathlib import Path

import pytest

from backorder_contracts.inputs import parse

README = Path(__file__).parents[2] / "libs/backorder-contracts/README.md"
TEXT = README.read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("code", PYTHON, ids=["read", "publish"])
def test_a_sample_runs_up_to_its_main(code):
    namespace = {"__name__": "sample"}
    exec(compile(ast.parse(code), str(README), "exec"), namespace)  # noqa: S102
    assert callable(namespace["main"])


def test_the_sample_consumer_overrides_the_three_defaults():
    for setting in ('isolation_level="read_committed"', 'auto_offset_reset="earliest"', "enable_auto_commit=False"):
        assert setting in PYTHON[0]


def test_the_order_that_the_samples_publish_is_accepted():
    namespace = {"__name__": "sample"}
    exec(compile(PYTHON[1], str(README), "exec"), namespace)  # noqa: S102
    assert parse("order-placed", None, json.dumps(namespace["ORDER"]).encode(), ())[1].order_id == "SO-1001"
    (echoed,) = re.findall(r"echo '(\{.*\})'", TEXT)
    assert parse("order-placed", None, echoed.encode(), ())[1].order_id == "SO-1"
