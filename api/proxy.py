"""How the reverse proxy proves itself, and what its headers are believed then.

NGINX sends `X-VSA-Proxy: VSA_PROXY_TOKEN` with every request and blanks what the client sent under that
name. Who proves itself so names the client's address. After a password it also sends the token as
`Authorization`, and the person in `X-VSA-User`.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from secrets import compare_digest

from starlette.requests import Request

from registry import rules
from registry.settings import Settings

PROOF, PERSON, ADDRESS = "X-VSA-Proxy", "X-VSA-User", "X-Real-IP"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# "none" is a person's own doing, such as a bookmark; a browser lets no page set this header.
_OWN_SITES = frozenset({"same-origin", "none"})


def is_proxy_token(settings: Settings, text: str) -> bool:
    """Say whether `text` is the proxy's token, in a time that tells nothing of it."""
    token = settings.proxy_token
    return token is not None and compare_digest(token.get_secret_value().encode(), text.encode())


def client_address(request: Request, settings: Settings) -> str:
    """Return the client's address: the peer's, or the one that a proven proxy names."""
    peer = request.client.host if request.client else ""
    if not is_proxy_token(settings, request.headers.get(PROOF, "")):
        return peer
    try:
        return str(ip_address(request.headers.get(ADDRESS, "")))
    except ValueError:
        return peer


def person(request: Request) -> str | None:
    """Return the name of the person whose password the proxy checked; None without a proper one."""
    with suppress(ValueError):
        return rules.person_name(request.headers.get(PERSON, ""))
    return None


def is_foreign(request: Request, settings: Settings) -> bool:
    """Say whether a browser sends this for a page of another site.

    A browser adds a password by itself, whoever's page asks; what is no browser sends neither header.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = f"https://{settings.dashboard_domain}" if settings.dashboard_domain else None
    return (site is not None and site not in _OWN_SITES) or (origin is not None and origin != own)
