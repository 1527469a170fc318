"""The helpers of these tests are plain modules beside them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("ledger_desk", "ledger_oracle")
