"""The verdict: every number of the summary, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backorder_dev.demo.account import Account
from backorder_dev.demo.checks import contract, inputs, lines, mail, stock, stories
from backorder_dev.demo.checks.finding import Finding, none_of
from backorder_dev.demo.found import Found
from backorder_dev.demo.records import Evidence


def judge(evidence: Evidence) -> list[Finding]:
    """Hold what the services published against the demo's own account."""
    account = Account.of(evidence.sent)
    found = Found.of(evidence.events)
    lags = none_of(
        "records that a service has not processed",
        [f"{where}: {lag}" for where, lag in evidence.lags.items() if lag],
    )
    return [
        *_all("inputs", lambda: inputs.check(account, found)),
        *_all("events", lambda: contract.check(evidence)),
        *_all("lines", lambda: lines.check(account, found)),
        *_all("stock", lambda: stock.check(account, found, evidence.short_picks)),
        *_all("scenes", lambda: stories.check(account, found)),
        *_all("mails", lambda: mail.check(evidence, found)),
        lags,
    ]


def _all(name: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of a check; one that cannot make sense of what was published finds that wrong."""
    findings: list[Finding] = []
    try:
        for finding in check():
            findings.append(finding)  # noqa: PERF402 - what was found before an error counts
    except (LookupError, TypeError, ValueError) as error:
        findings.append(Finding(f"{name}: what was published makes sense", "yes", f"{type(error).__name__}: {error}"))
    return findings
