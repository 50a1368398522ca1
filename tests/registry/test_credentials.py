"""Credentials: stored sealed, shown without their secret, opened for the collector alone."""

from __future__ import annotations

import pytest
from asyncssh import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from registry.audit import Actor
from registry.credentials import (
    Keyring,
    create_credential,
    delete_credential,
    get_credential,
    list_credentials,
    replace_credential,
    rotate,
)
from registry.errors import Conflict, Invalid, NotFound
from registry.facts.credentials import Secret, SshCredential, TlsCredential, UnusableCredential
from registry.nodes import NodeSpec, create_node, update_node
from registry.schedule import claim_nodes
from registry.session import Connection
from registry.vault import Vault, VaultError
from tests.parts.tls import Authority, ec_key
from tests.registry.targets import DEFAULTS, NOW, fetch, later, value

ANNA = Actor("anna", "192.0.2.7")
VAULT = Vault(["a key of the tests with 32 letters"])
AUTHORITY = Authority.create()


def tls(name: str = "collector.test") -> TlsCredential:
    ca = AUTHORITY.certificate.public_bytes(Encoding.PEM).decode()
    pem = AUTHORITY.issue([name]).pem().decode()
    return TlsCredential(ca, certificate=pem, key=pem)


def ssh() -> SshCredential:
    return SshCredential(generate_private_key("ssh-ed25519").export_private_key().decode())


async def add(tx: Connection, name: str = "fleet", secret: Secret | None = None) -> None:
    await create_credential(tx, VAULT, name, secret or tls(), actor=ANNA, now=NOW)


# ---------------------------------------------------------------------------- changing


async def test_a_certificate_is_shown_by_what_is_no_secret(tx: Connection) -> None:
    await add(tx)
    (stored,) = await list_credentials(tx)
    assert (stored.name, stored.kind, stored.nodes) == ("fleet", "tls", ())
    assert stored.facts.subject == "CN=collector.test"
    assert stored.facts.not_before is not None
    assert stored.facts.not_after is not None


async def test_a_key_is_shown_by_its_public_half(tx: Connection) -> None:
    key = generate_private_key("ssh-ed25519", comment="of the tests")
    await add(tx, "keys", SshCredential(key.export_private_key().decode()))
    facts = (await get_credential(tx, "keys")).facts
    assert facts.fingerprint == key.get_fingerprint()
    assert facts.public_key == " ".join(key.export_public_key().decode().split()[:2])


@pytest.mark.parametrize("secret", [tls(), ssh()])
async def test_no_secret_is_anywhere_in_the_clear(tx: Connection, secret: Secret) -> None:
    await add(tx, "fleet", secret)
    kept = await fetch(
        tx, "SELECT c::text, (SELECT string_agg(a::text, '') FROM audit_logs a) FROM credentials c"
    )
    private = secret.key if isinstance(secret, TlsCredential) else secret.private_key
    for line in private.splitlines()[1:3]:
        assert line not in str(kept)
        assert line.encode().hex() not in str(kept)


async def test_each_change_is_audited_without_the_secret(tx: Connection) -> None:
    await add(tx)
    await replace_credential(tx, VAULT, "fleet", tls("other.test"), actor=ANNA, now=later(1))
    await delete_credential(tx, "fleet", ANNA, later(2))
    entries = await fetch(
        tx,
        "SELECT action, target, before ->> 'subject', after ->> 'subject' FROM audit_logs ORDER BY id",
    )
    assert entries == [
        ("credential.create", "credential/fleet", None, "CN=collector.test"),
        ("credential.update", "credential/fleet", "CN=collector.test", "CN=other.test"),
        ("credential.delete", "credential/fleet", "CN=other.test", None),
    ]


async def test_a_name_is_taken_once(tx: Connection) -> None:
    await add(tx)
    with pytest.raises(Conflict, match="name"):
        await add(tx)


async def test_the_kind_stays(tx: Connection) -> None:
    await add(tx)
    with pytest.raises(Invalid, match="must stay tls"):
        await replace_credential(tx, VAULT, "fleet", ssh(), actor=ANNA, now=NOW)


async def test_one_that_is_in_use_stays(tx: Connection) -> None:
    await add(tx)
    await create_node(tx, NodeSpec("web-1", "tcp://web-1:2376", credential="fleet"), ANNA, NOW)
    with pytest.raises(Conflict, match="web-1"):
        await delete_credential(tx, "fleet", ANNA, NOW)
    await update_node(tx, "web-1", {"credential": None}, ANNA, NOW)
    await delete_credential(tx, "fleet", ANNA, NOW)
    with pytest.raises(NotFound):
        await get_credential(tx, "fleet")


async def test_without_a_key_of_the_settings_nothing_is_stored(tx: Connection) -> None:
    with pytest.raises(VaultError, match="VSA_SECRET_KEY"):
        await create_credential(tx, Vault([]), "fleet", tls(), actor=ANNA, now=NOW)
    assert await list_credentials(tx) == []


PEM = tls().certificate
ENCRYPTED = ec_key().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
)


@pytest.mark.parametrize(
    ("secret", "field"),
    [
        (TlsCredential(), "certificate"),
        (TlsCredential("no PEM"), "ca"),
        (TlsCredential(certificate="no PEM", key="no PEM"), "certificate"),
        (TlsCredential(certificate=PEM), "key"),
        (TlsCredential(key=PEM), "certificate"),
        (TlsCredential(certificate=PEM, key=tls().key), "key"),
        (TlsCredential(certificate=PEM, key=ENCRYPTED.decode()), "key must not be protected"),
        (SshCredential(""), "private_key"),
        (SshCredential("no PEM"), "private_key"),
        (
            SshCredential(
                generate_private_key("ssh-ed25519").export_private_key("openssh", "secret").decode()
            ),
            "passphrase",
        ),
    ],
)
async def test_what_does_not_fit_is_refused_by_field(
    tx: Connection, secret: Secret, field: str
) -> None:
    with pytest.raises(Invalid, match=field):
        await add(tx, "fleet", secret)


# ---------------------------------------------------------------------------- rotating


async def test_after_a_rotation_the_old_key_is_not_needed(tx: Connection) -> None:
    await add(tx)
    await add(tx, "keys", ssh())
    both = Vault(["the new key of the tests, 32 letters", "a key of the tests with 32 letters"])
    assert await rotate(tx, both, ANNA, later(1)) == 2
    assert await rotate(tx, both, ANNA, later(2)) == 0
    new = Keyring(Vault(["the new key of the tests, 32 letters"]))
    await create_node(tx, NodeSpec("web-1", "tcp://web-1", credential="fleet"), ANNA, NOW)
    (lease,) = await claim_nodes(tx, later(3), 1, DEFAULTS, new)
    assert isinstance(lease.question.credential, TlsCredential)
    assert (
        await value(tx, "SELECT count(*) FROM audit_logs WHERE action = 'credential.rotate'") == 1
    )


async def test_a_rotation_without_the_old_key_changes_nothing(tx: Connection) -> None:
    await add(tx)
    before = await value(tx, "SELECT sealed FROM credentials")
    with pytest.raises(VaultError, match="fleet"):
        await rotate(tx, Vault(["another key of the tests, 32 letters"]), ANNA, later(1))
    assert await value(tx, "SELECT sealed FROM credentials") == before


# ---------------------------------------------------------------------------- using


async def test_a_claimed_node_comes_with_its_credential_and_host_key(tx: Connection) -> None:
    secret = ssh()
    await add(tx, "keys", secret)
    spec = NodeSpec("web-1", "ssh://vsa@web-1", credential="keys", host_key="ssh-ed25519 AAAA")
    await create_node(tx, spec, ANNA, NOW)
    (lease,) = await claim_nodes(tx, NOW, 1, DEFAULTS, Keyring(VAULT))
    assert (lease.question.credential, lease.question.host_key) == (secret, "ssh-ed25519 AAAA")


async def test_a_replaced_credential_is_used_from_the_next_claim_on(tx: Connection) -> None:
    await add(tx)
    await create_node(tx, NodeSpec("web-1", "tcp://web-1", credential="fleet"), ANNA, NOW)
    keyring = Keyring(VAULT)
    (old,) = await claim_nodes(tx, NOW, 1, DEFAULTS, keyring)
    new = tls("new.test")
    await replace_credential(tx, VAULT, "fleet", new, actor=ANNA, now=NOW)
    (lease,) = await claim_nodes(tx, later(100), 1, DEFAULTS, keyring)
    assert lease.question.credential == new != old.question.credential


async def test_one_that_no_key_opens_is_a_credential_that_says_so(tx: Connection) -> None:
    await add(tx)
    await create_node(tx, NodeSpec("web-1", "tcp://web-1", credential="fleet"), ANNA, NOW)
    (lease,) = await claim_nodes(tx, NOW, 1, DEFAULTS, Keyring(Vault([])))
    assert isinstance(lease.question.credential, UnusableCredential)
    assert "credential fleet was sealed with" in lease.question.credential.why


async def test_an_unknown_credential_is_refused(tx: Connection) -> None:
    with pytest.raises(Invalid, match="no credential nobody"):
        await create_node(tx, NodeSpec("web-1", "tcp://web-1", credential="nobody"), ANNA, NOW)
