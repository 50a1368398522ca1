"""The kinds of value that a setting takes: how each is read, and the rule that a wrong one breaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from registry.durations import parse_duration

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


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name or IP address, without brackets) and a TCP port to listen on or to be reached at."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


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


def _absolute_paths(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, str):
        return value
    paths = tuple(path.strip() for path in value.split(","))
    if not all(path.startswith("/") for path in paths):
        raise _fault("must be absolute paths parted by commas, such as /etc/letsencrypt/live")
    return paths


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


def between(least: str, most: str) -> AfterValidator:
    """Narrow a duration."""

    def check(seconds: float) -> float:
        if not parse_duration(least) <= seconds <= parse_duration(most):
            raise _fault(f"must be from {least} to {most}")
        return seconds

    return AfterValidator(check)


Duration = Annotated[float, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=1024)]
Flag = Annotated[bool, BeforeValidator(_flag)]
LabelNames = Annotated[tuple[str, ...], BeforeValidator(_label_names)]
AbsolutePaths = Annotated[tuple[str, ...], BeforeValidator(_absolute_paths)]
Listen = Annotated[Address, BeforeValidator(_address)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Folder = Annotated[Path, AfterValidator(_folder)]
ReadableFile = Annotated[Path, AfterValidator(_readable)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
SecretUrl = Annotated[SecretStr, AfterValidator(_secret_url)]
DomainName = Annotated[str, AfterValidator(_domain_name)]
BearerToken = Annotated[SecretStr, AfterValidator(_bearer_token)]
LongSecret = Annotated[SecretStr, AfterValidator(_long_secret)]
