"""Settings: read once from the environment, typed, every fault in one message.

The only place that reads `os.environ`. A secret may also come from a file: `VSA_API_TOKEN_FILE`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticCustomError

from registry.durations import parse_duration
from registry.facts.containers import USUAL_LABELS

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
# What a header takes without quoting (RFC 6750); NGINX's configuration too.
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_DOMAIN_NAME = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
# Docker allows any text; what people use is this, and * stands for the rest.
_LABEL_NAME = re.compile(r"[A-Za-z0-9._/*-]{1,200}")
_SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_FLAGS = {"1": True, "true": True, "yes": True, "on": True}
_FLAGS |= {"0": False, "false": False, "no": False, "off": False}


class SettingsError(ValueError):
    """One or more settings are wrong; the message names each with its rule, and no secret."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name or IP address, without brackets) and a TCP port to listen on or to be reached at."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


# ---------------------------------------------------------------------------- kinds of value


def _fault(rule: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{rule}", {"rule": rule})


def _duration(value: str | float) -> float:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise _fault(str(error)) from None


def _size(value: str | int) -> int:
    if not isinstance(value, str):
        return value
    number, unit = value[:-3], value[-3:]
    if unit not in _SIZES or not number.isdecimal():
        raise _fault("must be a size such as 512KiB, 16MiB or 1GiB")
    return int(number) * _SIZES[unit]


def _flag(value: str | bool) -> bool:  # noqa: FBT001 - pydantic calls it with the one value
    if not isinstance(value, str):
        return value
    if value.lower() not in _FLAGS:
        raise _fault("must be one of 1, true, yes, on, 0, false, no, off")
    return _FLAGS[value.lower()]


def _label_names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, str):
        return value
    names = tuple(name.strip() for name in value.split(","))
    if not all(map(_LABEL_NAME.fullmatch, names)):
        raise _fault(
            "must be label names parted by commas, of letters, digits, . _ - / and * for any letters"
        )
    return names


def _address(value: str | Address) -> Address:
    if not isinstance(value, str):
        return value
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise _fault("must be HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000")
    return Address(host.strip("[]"), int(port))


def _database_url(value: SecretStr) -> SecretStr:
    if _split(value.get_secret_value()).scheme not in {"postgresql", "postgres"}:
        raise _fault("must begin with postgresql://")
    return value


def _http_url(value: str) -> str:
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _fault("must begin with http:// or https:// and name a host")
    return value.rstrip("/")


def _secret_url(value: SecretStr) -> SecretStr:
    _http_url(value.get_secret_value())
    return value


def _domain_name(value: str) -> str:
    name = value.lower().rstrip(".")
    if len(name) > 253 or not _DOMAIN_NAME.fullmatch(name):
        raise _fault("must be a DNS name with a dot, such as vsa.example.com")
    return name


def _split(url: str) -> SplitResult:
    """Take a URL apart; the library's own messages quote it, password included."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _fault(
            "must be a URL with a port from 0 to 65535 or none; "
            "in a password, / ? # @ : and % are written as %2F %3F %23 %40 %3A %25"
        ) from None
    return parts


def _folder(value: Path) -> Path:
    try:
        return value.expanduser()
    except RuntimeError:
        raise _fault("names the home of an unknown user") from None


def _readable(value: Path) -> Path:
    try:
        value.open("rb").close()
    except OSError as error:
        raise _fault(f"cannot read {value}: {error.strerror}") from None
    return value


def _long_secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 16:
        raise _fault("must have at least 16 characters; `openssl rand -hex 32` makes a good one")
    return value


def _bearer_token(value: SecretStr) -> SecretStr:
    if not _BEARER_TOKEN.fullmatch(value.get_secret_value()):
        raise _fault("must hold only A-Z, a-z, 0-9 and . _ ~ + / -")
    return _long_secret(value)


def _between(least: str, most: str) -> AfterValidator:
    def check(seconds: float) -> float:
        if not parse_duration(least) <= seconds <= parse_duration(most):
            raise _fault(f"must be from {least} to {most}")
        return seconds

    return AfterValidator(check)


Duration = Annotated[float, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=1024)]
Flag = Annotated[bool, BeforeValidator(_flag)]
LabelNames = Annotated[tuple[str, ...], BeforeValidator(_label_names)]
Listen = Annotated[Address, BeforeValidator(_address)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Folder = Annotated[Path, AfterValidator(_folder)]
ReadableFile = Annotated[Path, AfterValidator(_readable)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
SecretUrl = Annotated[SecretStr, AfterValidator(_secret_url)]
DomainName = Annotated[str, AfterValidator(_domain_name)]
BearerToken = Annotated[SecretStr, AfterValidator(_bearer_token)]
LongSecret = Annotated[SecretStr, AfterValidator(_long_secret)]


def _default_data_dir() -> Path:
    of_the_system = Path("/var/lib/vsa")
    try:
        return of_the_system if os.geteuid() == 0 else Path.home() / ".local/share/vsa"
    except RuntimeError:  # a container's user id without a name has no home
        return of_the_system


# ---------------------------------------------------------------------------- the settings


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
    scrape_interval: Annotated[Duration, _between("1s", "2m")] = Field(
        15.0, description="how often a node is asked"
    )
    probe_interval: Annotated[Duration, _between("1s", "7d")] = Field(
        3600.0, description="how often a domain is asked"
    )
    scrape_timeout: Annotated[Duration, _between("100ms", "2m")] = Field(
        10.0, description="how long a node may take"
    )
    probe_timeout: Annotated[Duration, _between("100ms", "2m")] = Field(
        10.0, description="how long a domain may take"
    )
    retention: Annotated[Duration, _between("1d", "10y")] = Field(
        90 * 86400.0, description="how long past states, events and gaps are kept"
    )
    max_response_bytes: Size = Field(16 << 20, description="how much one engine response may hold")
    container_labels: LabelNames = Field(
        USUAL_LABELS,
        description="which container labels are kept, parted by commas; `*` is any letters",
    )
    disk_usage_interval: Annotated[Duration, _between("10m", "7d")] | None = Field(
        None, description="how often a node is asked what fills its disk, `6h`; absent: never"
    )
    trust_bundle: ReadableFile | None = Field(
        None, description="PEM file of further CAs to trust, beside the system's"
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
