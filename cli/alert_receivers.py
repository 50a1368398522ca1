"""Who gets alerts, as the settings say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from cli.faults import BadInput
from registry.setting_kinds import Address
from registry.settings import Settings

NOBODY = "nobody"
# Alertmanager expands what stands in braces, and a line break would begin another header.
_ADDRESS = re.compile(r"[^\s@{}<>,]+@[^\s@{}<>,]+")
_MAIL = ("alert_email_to", "alert_email_from", "smtp_server")
_ACCOUNT = ("smtp_user", "smtp_password")


@dataclass(frozen=True, slots=True)
class Mail:
    """Alerts are mailed `to` these addresses; the account is absent where the server wants none."""

    to: str
    sender: str
    server: Address
    user: str | None = None
    password: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Receivers:
    """Where an alert goes: to none, one or both of these."""

    webhook: SecretStr | None = None
    mail: Mail | None = None

    @property
    def name(self) -> str:
        """What Alertmanager calls them: `webhook-and-email`, or `nobody`."""
        named = {"webhook": self.webhook, "email": self.mail}
        return "-and-".join(name for name, set_ in named.items() if set_) or NOBODY

    @property
    def places(self) -> list[str]:
        """Say for a person where alerts go; a webhook's path is a secret."""
        places = []
        if self.webhook:
            places.append(f"the webhook at {_host(self.webhook)}")
        if self.mail:
            places.append(f"{self.mail.to}, mailed by {self.mail.server}")
        return places


def read_receivers(settings: Settings) -> Receivers:
    """Return who gets alerts; BadInput has a line for each setting that is missing or wrong."""
    if faults := _faults(settings):
        raise BadInput("\n".join(faults))
    return Receivers(settings.alert_webhook_url, _mail(settings))


def _mail(settings: Settings) -> Mail | None:
    to, sender, server = (getattr(settings, name) for name in _MAIL)
    if not to:
        return None
    return Mail(to, sender, server, settings.smtp_user, settings.smtp_password)


def _faults(settings: Settings) -> list[str]:
    mail = _present(settings, _MAIL)
    account = _present(settings, _ACCOUNT)
    faults = []
    if mail or account:
        faults += [f"{_variable(name)}: mail needs it too" for name in _MAIL if name not in mail]
    if len(account) == 1:
        faults += [
            f"{_variable(name)}: an account needs it too"
            for name in _ACCOUNT
            if name not in account
        ]
    return faults + [
        f"{_variable(name)}: must be a mail address, such as vsa@example.com"
        for name in ("alert_email_to", "alert_email_from")
        if name in mail and not _are_addresses(getattr(settings, name), name)
    ]


def _present(settings: Settings, names: tuple[str, ...]) -> set[str]:
    return {name for name in names if getattr(settings, name)}


def _are_addresses(text: str, name: str) -> bool:
    addresses = text.split(",") if name == "alert_email_to" else [text]
    return all(_ADDRESS.fullmatch(address.strip(" ")) for address in addresses)


def _variable(name: str) -> str:
    return f"VSA_{name.upper()}"


def _host(url: SecretStr) -> str:
    parts = urlsplit(url.get_secret_value())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
