"""Settings: read once from the environment, typed, every fault in one message.

The only place that reads `os.environ`. A secret may also come from a file: `VSA_API_TOKEN_FILE`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic import ValidationError as PydanticError

from registry.facts.containers import USUAL_LABELS
from registry.setting_kinds import (
    AbsolutePaths,
    Address,
    BearerToken,
    DatabaseUrl,
    DomainName,
    Duration,
    Flag,
    Folder,
    HttpUrl,
    LabelNames,
    Listen,
    LongSecret,
    ReadableFile,
    SecretUrl,
    Size,
    between,
)

_PREFIX = "VSA_"
_SECRETS = (
    "database_url",
    "migration_database_url",
    "api_token",
    "proxy_token",
    "prometheus_token",
    "secret_key",
    "old_secret_keys",
    "alert_webhook_url",
    "smtp_password",
)
_TOKENS = ("api_token", "proxy_token", "prometheus_token")


class SettingsError(ValueError):
    """One or more settings are wrong; the message names each with its rule, and no secret."""


def _default_data_dir() -> Path:
    of_the_system = Path("/var/lib/vsa")
    try:
        return of_the_system if os.geteuid() == 0 else Path.home() / ".local/share/vsa"
    except RuntimeError:  # a container's user id without a name has no home
        return of_the_system


class Settings(BaseModel):
    """Every setting, named `VSA_` and the field's name in capitals. Durations are seconds, sizes bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: DatabaseUrl | None = Field(
        None,
        description="PostgreSQL, `postgresql://USER:PASSWORD@HOST/DB`; absent: embedded server",
    )
    migration_database_url: DatabaseUrl | None = Field(
        None, description="the same database as its owner, for migrations; absent: the same URL"
    )
    data_dir: Folder = Field(
        default_factory=_default_data_dir,
        description="embedded server's data and `vsa up`'s token",
    )
    api_url: HttpUrl = Field(
        "http://127.0.0.1:8000", description="where the command line finds the API"
    )
    api_listen: Listen = Field(Address("127.0.0.1", 8000), description="where the API listens")
    exporter_listen: Listen = Field(
        Address("127.0.0.1", 9477), description="where the exporter listens"
    )
    exporter_advertise: Listen | None = Field(
        None,
        description="the exporter's address as Prometheus reaches it; absent: where it listens",
    )
    api_token: LongSecret | None = Field(
        None, description="the first API token, role admin; also what the command line sends"
    )
    proxy_token: BearerToken | None = Field(
        None, description="the reverse proxy's token, role write; `X-VSA-User` is believed with it"
    )
    prometheus_token: BearerToken | None = Field(
        None, description="Prometheus's token, role read: it finds the node pages with it"
    )
    secret_key: LongSecret | None = Field(None, description="encrypts stored credentials")
    old_secret_keys: LongSecret | None = Field(
        None, description="keys that VSA_SECRET_KEY replaced, parted by blanks; they still decrypt"
    )
    docker_host: str | None = Field(
        None, description="the local engine, `unix:///run/docker.sock`; absent: as docker finds it"
    )
    scrape_interval: Annotated[Duration, between("1s", "2m")] = Field(
        15.0, description="how often a node is asked"
    )
    probe_interval: Annotated[Duration, between("1s", "7d")] = Field(
        3600.0, description="how often a domain is asked"
    )
    scrape_timeout: Annotated[Duration, between("100ms", "2m")] = Field(
        10.0, description="how long a node may take"
    )
    probe_timeout: Annotated[Duration, between("100ms", "2m")] = Field(
        10.0, description="how long a domain may take"
    )
    retention: Annotated[Duration, between("1d", "10y")] = Field(
        90 * 86400.0,
        description="how long past states, events and gaps are kept, "
        "and certificates that nobody serves",
    )
    max_response_bytes: Size = Field(16 << 20, description="how much one engine response may hold")
    container_labels: LabelNames = Field(
        USUAL_LABELS,
        description="which container labels are kept, parted by commas; `*` is any letters",
    )
    disk_usage_interval: Annotated[Duration, between("10m", "7d")] | None = Field(
        None, description="how often a node is asked what fills its disk, `6h`; absent: never"
    )
    trust_bundle: ReadableFile | None = Field(
        None, description="PEM file of further CAs to trust, beside the system's"
    )
    certificate_files: AbsolutePaths | None = Field(
        None,
        description="certificates on the collector's host: files, folders and globs, parted by commas",
    )
    certificate_host: str | None = Field(
        None, description="the name of that host beside them; absent: as its system has it"
    )
    allow_private_addresses: Flag = Field(
        default=False, description="ask domains at private and loopback addresses too"
    )
    allow_plain_tcp: Flag = Field(
        default=False, description="ask nodes over tcp:// without a credential, in the clear"
    )
    dashboard_domain: DomainName | None = Field(
        None, description="the dashboard's own DNS name, watched from the first start on"
    )
    alertmanager_url: HttpUrl = Field(
        "http://127.0.0.1:9093", description="where the command line finds Alertmanager"
    )
    alert_webhook_url: SecretUrl | None = Field(
        None, description="alerts are posted there, as Alertmanager's webhook does"
    )
    alert_email_to: str | None = Field(None, description="alerts are mailed to this address")
    alert_email_from: str | None = Field(None, description="the sender of these mails")
    smtp_server: Listen | None = Field(
        None, description="the mail server, `HOST:PORT`; STARTTLS is demanded"
    )
    smtp_user: str | None = Field(
        None, description="the account at the mail server, if it wants one"
    )
    smtp_password: SecretStr | None = Field(None, description="the account's password")

    @property
    def secret_keys(self) -> list[str]:
        """The keys of credentials, the one that encrypts first."""
        first = [self.secret_key.get_secret_value()] if self.secret_key else []
        old = self.old_secret_keys.get_secret_value().split() if self.old_secret_keys else []
        return first + old

    @property
    def advertised_exporter(self) -> Address:
        """Where Prometheus reaches the exporter."""
        return self.exporter_advertise or self.exporter_listen


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environment` (default: the process's).

    Raises SettingsError with one line a fault: a wrong value, an unreadable `*_FILE`, both of a pair.
    """
    environment = os.environ if environment is None else environment
    values = {
        name: environment[_PREFIX + name.upper()]
        for name in Settings.model_fields
        if environment.get(_PREFIX + name.upper())
    }
    faults = _read_secret_files(environment, values) + _equal_tokens(values)
    try:
        settings = Settings.model_validate(values)
    except PydanticError as error:
        faults += [
            f"{_PREFIX}{str(fault['loc'][0]).upper()}: {_sentence(fault['msg'])}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _read_secret_files(environment: Mapping[str, str], values: dict[str, str]) -> list[str]:
    """Add the secrets that files hold to `values`; return what is wrong with them."""
    faults = []
    for name in _SECRETS:
        variable = f"{_PREFIX}{name.upper()}_FILE"
        path = environment.get(variable)
        if not path:
            continue
        if name in values:
            faults.append(f"{variable}: set either this or {_PREFIX}{name.upper()}, not both")
            continue
        try:
            values[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            faults.append(f"{variable}: cannot read {path}: {reason}")
    return faults


def _equal_tokens(values: Mapping[str, str]) -> list[str]:
    """Say which tokens share a text: each has a name and a role of its own."""
    return [
        f"{_PREFIX}{name.upper()}: must differ from {_PREFIX}{other.upper()}"
        for place, name in enumerate(_TOKENS)
        for other in _TOKENS[:place]
        if values.get(name) and values.get(name) == values.get(other)
    ]


def _sentence(message: str) -> str:
    """Turn pydantic's own messages ("Input should be …") into ours ("must be …")."""
    return message.replace("Input should be", "must be")
