"""One test alert through Alertmanager, and what can be proved of its way."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from cli.alert_config import TEST_ALERT
from cli.alert_receivers import NOBODY
from cli.alertmanager import Alert, Alertmanager, Attempts
from cli.words import minute, now

# Alertmanager itself gives up on a message of this alert's route after 10 s.
_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.2
_LASTS = timedelta(minutes=1)  # should nobody be left to end it
_LABEL = "test"


class Fate(StrEnum):
    """How one integration took the alert."""

    TAKEN = "taken"
    REFUSED = "refused"
    WAITING = "not yet handed over"


@dataclass(frozen=True, slots=True)
class Trial:
    """Where the alert was routed, whether a silence held it, and its fate by integration."""

    receiver: str
    is_silenced: bool
    fates: Mapping[str, Fate]

    @property
    def is_decided(self) -> bool:
        """Whether nothing more is to come."""
        answered = bool(self.fates) and Fate.WAITING not in self.fates.values()
        return answered or self.is_silenced

    @property
    def succeeded(self) -> bool:
        """Whether everybody who should get alerts got this one."""
        return bool(self.fates) and all(fate is Fate.TAKEN for fate in self.fates.values())


def try_out(server: Alertmanager, say: Callable[[str], None]) -> Trial:
    """Raise an alert, watch who takes it, end it."""
    if server.receivers() == [NOBODY]:
        return Trial(NOBODY, is_silenced=False, fates={})
    before = server.attempts()
    labels = {"alertname": TEST_ALERT, "severity": "info", _LABEL: secrets.token_hex(4)}
    annotations = _texts()
    server.tell(labels, annotations, now() + _LASTS)
    try:
        return _watch(server, labels[_LABEL], before, say)
    finally:
        server.tell(labels, annotations, now())


def _texts() -> Mapping[str, str]:
    return {
        "summary": "Test alert of VSA Dashboard",
        "description": f"Nothing is wrong: `vsa alert test` was run at {minute(now())}.",
        "runbook_url": "docs/alerts.md#try-it",
    }


def _watch(
    server: Alertmanager, label: str, before: Mapping[str, Attempts], say: Callable[[str], None]
) -> Trial:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    last = Trial("", is_silenced=False, fates={})
    while True:
        trial = _judge(server.alerts(_LABEL, label), before, server.attempts())
        if trial.receiver != last.receiver:
            say(f"Alertmanager has it, and sends it to: {trial.receiver}")
        # Seen twice: an attempt is counted a moment before its failure is.
        if (trial.is_decided and trial == last) or time.monotonic() > deadline:
            return trial
        last = trial
        time.sleep(_POLL_SECONDS)


def _judge(
    alerts: list[Alert], before: Mapping[str, Attempts], after: Mapping[str, Attempts]
) -> Trial:
    receiver = ", ".join(one.name for alert in alerts for one in alert.receivers)
    new = {name: after[name].since(before.get(name, Attempts())) for name in after}
    # Of a configuration that is not ours, who should get it is not known: who was tried counts.
    named = [name for name in new if name in receiver.split("-and-")]
    expected = named or [name for name in new if new[name].made]
    return Trial(
        receiver,
        is_silenced=any(alert.status.state == "suppressed" for alert in alerts),
        fates={name: _fate(new[name]) for name in expected},
    )


def _fate(attempts: Attempts) -> Fate:
    if attempts.made > attempts.failed:
        return Fate.TAKEN
    return Fate.REFUSED if attempts.given_up else Fate.WAITING
