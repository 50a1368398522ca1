"""The TLS probe as the command line uses it, and what is wrong with VSA_TRUST_BUNDLE."""

from __future__ import annotations

from functools import partial

from cli.faults import BadInput
from collector.policy import refusal
from collector.tls.probe import TlsProbe
from registry.settings import Settings


def make_probe(settings: Settings) -> TlsProbe:
    """Make a probe for a person at the keyboard, who may ask private addresses too.

    Raises BadInput when the trust bundle holds no certificate.
    """
    try:
        return TlsProbe(
            trust_bundle=settings.trust_bundle, refuse=partial(refusal, allow_private=True)
        )
    except ValueError as error:
        raise BadInput(f"VSA_TRUST_BUNDLE: {error}") from None


def check_trust_bundle(settings: Settings) -> None:
    """Raise BadInput when the trust bundle is set and holds no certificate."""
    if settings.trust_bundle:
        make_probe(settings)
