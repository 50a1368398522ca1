"""Alertmanager as the command line asks it: by its API and by its own metrics."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import httpx
import msgspec

from cli.alert_receivers import NOBODY
from cli.client import trust_for
from cli.faults import CannotReach
from registry.settings import Settings

AnswerT = TypeVar("AnswerT")

_TIMEOUT = httpx.Timeout(5, connect=2)
_COUNTER = re.compile(
    r"^alertmanager_notification(?P<what>_requests|_requests_failed|s_failed)_total"
    r'\{.*?integration="(?P<integration>[^"]+)".*\} (?P<number>\S+)$',
    re.MULTILINE,
)


class Receiver(msgspec.Struct):
    """Who gets an alert, by the name that the configuration gives."""

    name: str


class Status(msgspec.Struct):
    """What became of an alert: `unprocessed`, `active` or `suppressed`."""

    state: str


class Alert(msgspec.Struct):
    """An alert as Alertmanager has it."""

    receivers: list[Receiver]
    status: Status


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often an integration was tried since Alertmanager began, and how it went."""

    made: float = 0
    failed: float = 0
    given_up: float = 0

    def since(self, before: Attempts) -> Attempts:
        """Return those that came after `before`."""
        return Attempts(
            self.made - before.made, self.failed - before.failed, self.given_up - before.given_up
        )


class Alertmanager:
    """Alertmanager at VSA_ALERTMANAGER_URL; every question may raise CannotReach."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.alertmanager_url
        # trust_env: a proxy of the environment cannot reach a service of this stack.
        self._client = httpx.Client(
            base_url=self.url,
            timeout=_TIMEOUT,
            trust_env=False,
            verify=trust_for(self.url, settings),
        )

    def close(self) -> None:
        """Close the connection; a command's end does too."""
        self._client.close()

    def receivers(self) -> list[str]:
        """Return the names of all receivers that it has loaded."""
        answer = self._ask("GET", "/api/v2/receivers")
        return [receiver.name for receiver in self._decode(answer, list[Receiver])]

    def attempts(self) -> Mapping[str, Attempts]:
        """Return the attempts to send anything, by integration: `webhook`, `email`."""
        found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for match in _COUNTER.finditer(self._ask("GET", "/metrics").decode()):
            found[match["integration"]][match["what"]] += float(match["number"])
        return {
            integration: Attempts(of["_requests"], of["_requests_failed"], of["s_failed"])
            for integration, of in found.items()
        }

    def tell(
        self, labels: Mapping[str, str], annotations: Mapping[str, str], ends_at: datetime
    ) -> None:
        """Raise an alert until `ends_at`; one of the same labels is ended by a moment that is past."""
        alert = {"labels": labels, "annotations": annotations, "endsAt": ends_at.isoformat()}
        self._ask("POST", "/api/v2/alerts", [alert])

    def alerts(self, label: str, value: str) -> list[Alert]:
        """Return the alerts that have this label."""
        answer = self._ask("GET", f'/api/v2/alerts?filter={label}="{value}"')
        return self._decode(answer, list[Alert])

    def _ask(self, method: str, path: str, body: Sequence[object] | None = None) -> bytes:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.TransportError:
            raise CannotReach(
                f"no Alertmanager answers at {self.url}; start it, or set VSA_ALERTMANAGER_URL"
            ) from None
        if not answer.is_success:
            raise self._is_another(f"HTTP {answer.status_code}")
        return answer.content

    def _decode(self, answer: bytes, shape: type[AnswerT]) -> AnswerT:
        try:
            return msgspec.json.decode(answer, type=shape)
        except msgspec.MsgspecError:
            raise self._is_another("not the JSON of its API v2") from None

    def _is_another(self, said: str) -> CannotReach:
        return CannotReach(
            f"what answers at {self.url} is not Alertmanager ({said}); set VSA_ALERTMANAGER_URL"
        )


def alert_hint(settings: Settings) -> str:
    """Say why alerts reach nobody; nothing where somebody gets them."""
    server = Alertmanager(settings)
    try:
        receivers = server.receivers()
    except CannotReach as fault:
        return f"Alerts reach nobody: {fault}"
    if receivers != [NOBODY]:
        return ""
    return (
        "Alerts reach nobody: set VSA_ALERT_WEBHOOK_URL, or VSA_ALERT_EMAIL_TO and its neighbours; "
        "then `vsa alert test`"
    )
