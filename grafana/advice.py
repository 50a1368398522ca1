"""What verdicts and failures mean to the person who reads them, and what to do; short for docs/runbook.md."""

from __future__ import annotations

from collections.abc import Mapping

# In the order of registry.facts.Verdict: the most pressing first.
VERDICTS = {
    "revoked": (
        "The authority took it back",
        "Find out why before anything else; issue anew with a new key",
    ),
    "expired": (
        "It, or one above it in the chain, is over",
        "Renew and reload the server; serve the fullchain.pem of the last renewal",
    ),
    "not_yet_valid": (
        "Its time has not begun: some clock is wrong",
        "timedatectl on the server and on the collector",
    ),
    "hostname_mismatch": (
        "It does not hold the name that was asked for",
        "Fix server_name, or issue it with all names (certbot --expand)",
    ),
    "self_signed": (
        "It signed itself: a placeholder, or somebody in between",
        "Issue a real one",
    ),
    "unknown_authority": (
        "Its chain ends at an authority that is not trusted",
        "A private CA: put its root into VSA_TRUST_BUNDLE. Not yours: somebody is in between",
    ),
    "incomplete_chain": (
        "The server does not send the authority's own certificate",
        "Serve fullchain.pem, not cert.pem",
    ),
    "weak": (
        "RSA below 2048 bits, SHA-1, or TLS below 1.2",
        "Issue anew with a modern key; raise ssl_protocols",
    ),
    "ok": ("Clients accept it", ""),
}
FAILURES = {
    "dns": ("The name does not resolve", "Correct the name or its DNS; gone: vsa domain rm"),
    "refused": ("Nothing listens on the port", "Start the server; is the port right?"),
    "unreachable": (
        "There is no way to the address",
        "Is the host up, and the address still its own?",
    ),
    "timeout": ("It did not answer in time", "Overload, or a firewall that drops packets"),
    "too_large": ("It sent more than any handshake needs", "Does something else listen there?"),
    "tls": ("The TLS handshake failed", "vsa probe DOMAIN:PORT shows what the server said"),
    "forbidden": (
        "Our address policy refuses the address",
        "A private one: VSA_ALLOW_PRIVATE_ADDRESSES",
    ),
    "protocol": ("It does not speak TLS, or not that STARTTLS", "Are port and --starttls right?"),
    "internal": ("Our own fault", "The collector's log has the details; please report it"),
}


def values(advice: Mapping[str, tuple[str, str]]) -> str:
    """Write advice as the rows (word, meaning, act) of an SQL `VALUES` list."""
    return ", ".join(
        "({})".format(", ".join(_quoted(text) for text in (word, *texts)))
        for word, texts in advice.items()
    )


def order(advice: Mapping[str, tuple[str, str]]) -> str:
    """Write the words as an SQL array, in their order."""
    return "ARRAY[{}]".format(", ".join(map(_quoted, advice)))


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))
