"""What a colour, a threshold, a unit and a word mean: the same on every dashboard."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models import dashboard as sdk

# ---------------------------------------------------------------------------- colours

GOOD = "green"
WARNING = "orange"
BAD = "red"
CHANGING = "blue"
OFF = "#8e8e8e"
UNKNOWN = "purple"
NEUTRAL = "text"
NOTHING = "transparent"

# ---------------------------------------------------------------------------- units

COUNT = "short"
PLAIN = "none"
BYTES = "bytes"
BYTES_PER_SECOND = "binBps"
PERCENT = "percentunit"
SECONDS = "s"
DAYS = "suffix: d"
PER_SECOND = "suffix: /s"
PER_MINUTE = "suffix: /min"
CORES = "suffix: cores"
AGO = "dateTimeFromNow"
MOMENT = "dateTimeAsIso"

# ---------------------------------------------------------------------------- thresholds

Steps = tuple[tuple[float | None, str], ...]

NO_STEPS: Steps = ((None, NEUTRAL),)
ANY_IS_BAD: Steps = ((None, GOOD), (1, BAD))
ANY_IS_WARNING: Steps = ((None, GOOD), (1, WARNING))
NONE_IS_BAD: Steps = ((None, BAD), (1, GOOD))
# A share of what there is: CPU cores, memory, a memory limit.
FILLING: Steps = ((None, GOOD), (0.8, WARNING), (0.95, BAD))
# Seconds since a program gave a sign of life; the alert fires at 60.
SILENCE: Steps = ((None, GOOD), (30, WARNING), (60, BAD))
# Seconds since a node was seen: the slowest are asked every two minutes, and stale after three intervals.
AGE: Steps = ((None, GOOD), (150, WARNING), (360, BAD))


def thresholds(steps: Steps) -> sdk.ThresholdsConfig:
    """Turn (from this value on, this colour) into Grafana's thresholds; the first value is None."""
    marks = [sdk.Threshold(value, colour) for value, colour in steps]
    return sdk.ThresholdsConfig(sdk.ThresholdsMode.ABSOLUTE, marks)


# ---------------------------------------------------------------------------- words and their colours

Words = Mapping[str, str | tuple[str, str]]

# `queries.CONDITION` makes these of a container's state, health, exit code and OOM flag.
CONDITIONS = {
    "running": GOOD,
    "healthy": GOOD,
    "starting": CHANGING,
    "created": CHANGING,
    "paused": CHANGING,
    "stopped": OFF,
    "removing": OFF,
    "restarting": WARNING,
    "unhealthy": BAD,
    "failed": BAD,
    "out of memory": BAD,
    "dead": BAD,
    "unknown": UNKNOWN,
    "gone": NOTHING,
}
NODE_STATES = {
    "up": GOOD,
    "failing": WARNING,
    "down": BAD,
    "never answered": BAD,
    "new": CHANGING,
    "disabled": OFF,
}
SEVERITIES = {"critical": BAD, "warning": WARNING}
VERDICTS = {
    "ok": GOOD,
    "weak": WARNING,
    "incomplete_chain": BAD,
    "unknown_authority": BAD,
    "self_signed": BAD,
    "hostname_mismatch": BAD,
    "not_yet_valid": BAD,
    "expired": BAD,
    "revoked": BAD,
}


def words(colours: Words) -> list[sdk.ValueMapping]:
    """Colour values by word; a pair is the text to show instead, and its colour."""
    results = {value: _result(index, shown) for index, (value, shown) in enumerate(colours.items())}
    return [sdk.ValueMap(results)]


def when_absent(text: str) -> sdk.ValueMapping:
    """Say what no value means, in the colour of what is not known: silence is not good news."""
    result = sdk.ValueMappingResult(text, UNKNOWN, index=0)
    return sdk.SpecialValueMap(
        sdk.DashboardSpecialValueMapOptions(sdk.SpecialValueMatch.NULL, result)
    )


def _result(index: int, shown: str | tuple[str, str]) -> sdk.ValueMappingResult:
    if isinstance(shown, str):
        return sdk.ValueMappingResult(color=shown, index=index)
    text, colour = shown
    return sdk.ValueMappingResult(text, colour, index=index)
