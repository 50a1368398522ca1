"""What a probe shows to an engine to be let in; secrets are in no repr."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TlsCredential:
    """What is trusted in engines and shown to them over TLS, each PEM; no `ca`: the system's."""

    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SshCredential:
    """The private key that sshd knows us by, in OpenSSH's or another PEM form."""

    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnusableCredential:
    """A credential that could not be opened, and why."""

    why: str


Secret = TlsCredential | SshCredential


Credential = Secret | UnusableCredential
