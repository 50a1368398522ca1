"""The REST API as the command line speaks it: every act has the token's name as its actor."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import msgspec

from cli.answers import Listing, Problem, decode
from cli.faults import BadInput, CannotReach, Fault
from cli.listening import reachable
from cli.token_file import read_token, token_path
from registry.settings import Settings

_PAGE = 500
# A target that is asked now may take its whole time-out, which is 2 minutes at most, and before
# that the rest of a probe that is under way.
_TIMEOUT = httpx.Timeout(270, connect=5)
_PROBLEM = "application/problem+json"


class Api:
    """The API at VSA_API_URL (absent: where this machine's API listens), asked as the token's owner."""

    def __init__(self, settings: Settings) -> None:
        self.url = api_url(settings)
        self._settings = settings
        token = read_token(settings)
        # trust_env: a proxy of the environment would be told the token.
        self._client = httpx.Client(
            base_url=f"{self.url}/api",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT,
            trust_env=False,
            verify=trust_for(self.url, settings),
        )

    def close(self) -> None:
        """Close the connection; a command's end does too."""
        self._client.close()

    def get(self, path: str, **query: str | int | None) -> bytes:
        """Return the JSON of a resource; raises BadInput or CannotReach, as all of these do."""
        with self._answer("GET", path, query) as answer:
            return answer.read()

    def send(self, method: str, path: str, body: Mapping[str, object] | None = None) -> bytes:
        """Change something and return the JSON of the answer."""
        with self._answer(method, path, {}, body) as answer:
            return answer.read()

    def items(self, path: str, limit: int | None = None, **query: str | None) -> list[msgspec.Raw]:
        """Return a list's items, each as its JSON: all pages of it, or the first `limit`."""
        items: list[msgspec.Raw] = []
        cursor: str | None = None
        while True:
            size = min(_PAGE, limit - len(items)) if limit else _PAGE
            page = self.get(path, **query, limit=size, cursor=cursor)
            listing = decode(page, Listing[msgspec.Raw])
            items += listing.items
            cursor = listing.next
            if cursor is None or (limit and len(items) >= limit):
                return items

    @contextmanager
    def stream(self, path: str, **query: str | None) -> Iterator[httpx.Response]:
        """Open an answer that is read piece by piece."""
        with self._answer("GET", path, query) as answer:
            yield answer

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int | None],
        body: Mapping[str, object] | None = None,
    ) -> Iterator[httpx.Response]:
        given = {name: value for name, value in query.items() if value is not None}
        try:
            with self._client.stream(method, path, params=given, json=body) as answer:
                if not answer.is_success:
                    raise self._fault(answer)
                yield answer
        except httpx.TransportError as error:
            raise CannotReach(
                f"cannot reach the API at {self.url}: {_reason(error)}; "
                "start it with `vsa up`, or set VSA_API_URL"
            ) from None

    def _fault(self, answer: httpx.Response) -> Fault:
        """Tell what the API has against a request."""
        status = answer.status_code
        if answer.headers.get("Content-Type") != _PROBLEM:
            return CannotReach(
                f"what answers at {self.url} is not this API (HTTP {status}); set VSA_API_URL"
            )
        detail = decode(answer.read(), Problem).detail
        if status == httpx.codes.UNAUTHORIZED:
            return BadInput(_refused(self._settings))
        return CannotReach(detail) if status >= 500 else BadInput(detail)


def api_url(settings: Settings) -> str:
    """Return where the API is: as set, else where one with these settings listens."""
    if "api_url" in settings.model_fields_set:
        return settings.api_url
    return f"http://{reachable(settings.api_listen)}"


def _refused(settings: Settings) -> str:
    if settings.api_token:
        return "the API does not know VSA_API_TOKEN: it was revoked, or is another API's"
    path = token_path(settings)
    if path.exists():
        return f"the API does not know the token in {path}; set VSA_API_TOKEN to one that it knows"
    return f"the API wants a token: set VSA_API_TOKEN (there is none in {path} either)"


def trust_for(url: str, settings: Settings) -> ssl.SSLContext:
    """Trust what this machine trusts, and VSA_TRUST_BUNDLE: an API within a company has its own CA."""
    if not url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # not needed, and a full one takes 20 ms
    context = ssl.create_default_context()
    if settings.trust_bundle:
        try:
            context.load_verify_locations(settings.trust_bundle)
        except OSError as error:
            raise BadInput(f"VSA_TRUST_BUNDLE: cannot be used: {error}") from None
    return context


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer in time"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
