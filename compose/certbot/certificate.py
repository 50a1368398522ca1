#!/usr/bin/env python3
"""Keep NGINX supplied with a certificate: the program of the certbot container.

certificate keep      publish a placeholder, then the real certificate, and renew it: the service
certificate issue     ask the authority for the first certificate; takes certbot's options
certificate health    exit 0 while a certificate is published and `keep` is at work

It runs in certbot's image: Python, cryptography and certbot are there, nothing else of this project is.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pairs import CHAIN, KEY, Pair, UnsoundError, check, placeholder, publish, read

LOOK_SECONDS = 2.0
RENEW_SECONDS = 12 * 3600.0
STALLED_SECONDS = 60.0
STOP_SECONDS = 20.0
DOMAIN = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie in the container; the environment may say otherwise."""

    domain: str
    letsencrypt: Path
    published: Path
    webroot: Path
    work: Path
    logs: Path

    @classmethod
    def of_environment(cls) -> Places:
        """Read the domain and the folders; a domain that is none ends the program."""
        domain = os.environ.get("DASHBOARD_DOMAIN", "")
        if not DOMAIN.fullmatch(domain):
            rule = "a DNS name in lower case, an international one as xn--…"
            sys.exit(f"certificate: DASHBOARD_DOMAIN must be {rule}: {domain!r}")
        return cls(
            domain,
            letsencrypt=Path(os.environ.get("LETSENCRYPT_FOLDER", "/etc/letsencrypt")),
            published=Path(os.environ.get("PUBLISHED_FOLDER", "/srv/tls")),
            webroot=Path(os.environ.get("WEBROOT_FOLDER", "/var/www/acme")),
            work=Path(os.environ.get("WORK_FOLDER", "/var/lib/letsencrypt")),
            logs=Path(os.environ.get("LOG_FOLDER", "/var/log/letsencrypt")),
        )

    @property
    def own(self) -> Path:
        """Where the administrator puts a certificate that is not certbot's; it goes before certbot's."""
        return self.letsencrypt / "own"

    @property
    def live(self) -> Path:
        """Where NGINX finds the pair: a link, so that both files change at once."""
        return self.published / "live" / self.domain

    @property
    def alive(self) -> Path:
        """Touched at every look."""
        return self.work / "certificate.alive"

    def source(self) -> Path | None:
        """Return the folder whose pair is to be served, None before there is any."""
        for folder in (self.own, self.letsencrypt / "live" / self.domain):
            if (folder / CHAIN).exists() or (folder / KEY).exists():
                return folder
        return None

    def certbot(self, command: str, *options: str) -> list[str]:
        """Return the command line of a certbot that asks nothing and writes only to these places."""
        folders = (
            *("--config-dir", str(self.letsencrypt)),
            *("--work-dir", str(self.work)),
            *("--logs-dir", str(self.logs)),
        )
        return ["certbot", command, "--non-interactive", *folders, *options]


class Keeper:
    """Publishes what is new and renews what is due, and says each thing once."""

    def __init__(self, places: Places, every: float) -> None:
        self.places = places
        self.every = every
        self.due = time.monotonic() + random.uniform(0, every / 12)  # noqa: S311  spreads the load
        self.renewal: subprocess.Popen[bytes] | None = None
        self.doubt = self.said = ""

    def run(self) -> None:
        """Look again and again until a signal ends the program."""
        try:
            while True:
                self.look()
                self.renew()
                self.places.alive.touch()
                time.sleep(LOOK_SECONDS)
        finally:
            self.end_renewal()

    def look(self) -> None:
        """Have something published in any case, and the pair that is to be served if it is sound."""
        if self.published() is None:
            publish(placeholder(self.places.domain), self.places.live)
            say(f"published a self-signed placeholder for {self.places.domain}")
        try:
            self.publish_source()
            self.doubt = self.said = ""
        except UnsoundError as why:
            self.complain(f"not served, the certificate published before stays: {why}")

    def publish_source(self) -> None:
        """Publish what is to be served, if there is such a thing and it is another than is published."""
        source = self.places.source()
        if source is None or (pair := read(source)) == self.published():
            return
        check(pair)
        publish(pair, self.places.live)
        say(f"published {source}: {pair.describe()}")

    def published(self) -> Pair | None:
        """Return the pair that NGINX has now, None before the first."""
        try:
            return read(self.places.live)
        except UnsoundError:
            return None

    def complain(self, text: str) -> None:
        """Say it at the second look: certbot switches its links one by one, people copy two files."""
        if text == self.doubt and text != self.said:
            self.said = text
            say(text)
        self.doubt = text

    def renew(self) -> None:
        """Start `certbot renew` when its time has come, and hear its end; certbot knows what is due."""
        if self.renewal is not None:
            self.hear_renewal(self.renewal.poll())
        elif time.monotonic() >= self.due:
            self.due = time.monotonic() + self.every * random.uniform(0.75, 1.25)  # noqa: S311
            if any((self.places.letsencrypt / "renewal").glob("*.conf")):
                command = self.places.certbot("renew", "--no-random-sleep-on-renew")
                self.renewal = subprocess.Popen(command)

    def hear_renewal(self, code: int | None) -> None:
        """Say how the renewal ended, once it has."""
        if code is None:
            return
        self.renewal = None
        self.look()
        wait = timedelta(seconds=round(max(0, self.due - time.monotonic())))
        pair = self.published()
        state = f"published is {pair.describe() if pair else 'nothing'}; next renewal in {wait}"
        say(f"RENEWAL FAILED, certbot says why above; {state}" if code else state)

    def end_renewal(self) -> None:
        """Let a running certbot end in order."""
        if self.renewal is not None:
            self.renewal.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.renewal.wait(timeout=STOP_SECONDS)


def keep(places: Places, every: float) -> int:
    """Run until SIGTERM, SIGINT or SIGQUIT."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        Keeper(places, every).run()
    except OSError as error:
        say(f"{error.filename}: {error.strerror}; it must belong to uid {os.getuid()}")
    return 1


# ---------------------------------------------------------------------------- the person's commands


def issue(places: Places, options: list[str]) -> int:
    """Ask the authority for a certificate; `keep` publishes it as soon as it is there."""
    if places.source() == places.own:
        say(
            f"{places.own} holds a certificate, which goes before any of certbot's: remove it first"
        )
        return 2
    wishes = (
        *("--cert-name", places.domain, "--domain", places.domain),
        *("--webroot", "--webroot-path", str(places.webroot), "--key-type", "ecdsa"),
        "--register-unsafely-without-email",  # --email among the options goes before it
    )
    code = subprocess.run(places.certbot("certonly", *wishes, *options), check=False).returncode
    if code:
        say("no certificate was issued, what is served stays; docs/https.md explains the messages")
    return code


def health(places: Places) -> int:
    """Judge what is published, and whether `keep` has looked lately."""
    try:
        check(read(places.live))
        age = time.time() - places.alive.stat().st_mtime
    except (UnsoundError, OSError) as error:
        return _unhealthy(f"no certificate is published: {error}")
    return 0 if age < STALLED_SECONDS else _unhealthy(f"`keep` has not looked for {age:.0f} s")


def _unhealthy(why: str) -> int:
    say(why)
    return 1


def say(text: str) -> None:
    """Write one line for the container's log."""
    print(f"certificate: {text}", flush=True)


def main() -> int:
    """Run the command that is asked for."""
    parser = argparse.ArgumentParser(
        prog="certificate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=("keep", "issue", "health"))
    parser.add_argument(
        "--every", type=float, default=RENEW_SECONDS, help="seconds between renewals"
    )
    arguments, others = parser.parse_known_args()
    os.umask(0o077)
    places = Places.of_environment()
    if arguments.command == "issue":
        return issue(places, others)
    if others:
        parser.error(f"{arguments.command} takes no {' '.join(others)}")
    return keep(places, arguments.every) if arguments.command == "keep" else health(places)


if __name__ == "__main__":
    sys.exit(main())
