"""The verdict: every number of the summary, checked."""

from __future__ import annotations

from backorder_dev.demo.account import Account
from backorder_dev.demo.checks import inputs, lines, mail, stock, stories
from backorder_dev.demo.checks.finding import Finding, none_of
from backorder_dev.demo.found import Found
from backorder_dev.demo.records import Evidence


def judge(evidence: Evidence) -> list[Finding]:
    """Hold what the services published against the demo's own account."""
    account = Account.of(evidence.sent)
    found = Found.of(evidence.events)
    return [
        *inputs.check(account, found),
        *lines.check(account, found),
        *stock.check(account, found, evidence.short_picks),
        *stories.check(account, found),
        *mail.check(evidence, found),
        none_of(
            "records that a service has not processed",
            [f"{where}: {lag}" for where, lag in evidence.lags.items() if lag],
        ),
    ]
