"""Tables: a column is named by its query and dressed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models import table as tables

from grafana import style
from grafana.panels import by_name, panel, transformation
from grafana.queries import Query
from grafana.style import Steps, Words

Column = Mapping[str, Any]


def table(
    title: str,
    meaning: str,
    query: Query,
    columns: Mapping[str, Column],
    *,
    no_value: str = "Nothing",
    transformations: Sequence[sdk.DataTransformerConfig] = (),
) -> sdk.Panel:
    """Rows in the order of the query; `columns` dresses those of its columns that want more than text."""
    options = tables.Options(cell_height=common.TableCellHeight.SM)
    options.footer = None  # the library's default; Grafana 13 knows no such option
    field = sdk.FieldConfig(
        unit=style.PLAIN,
        thresholds=style.thresholds(style.NO_STEPS),
        no_value=no_value,
        custom=common.TableFieldOptions(
            align=common.FieldTextAlignment.AUTO,
            cell_options=common.TableAutoCellOptions(),
            filterable=True,
        ),
    )
    # What says that there are no rows would also stand in every cell without a value.
    cells = sdk.DashboardFieldConfigSourceOverrides(
        matcher=sdk.MatcherConfig("byRegexp", "/.*/"),
        properties=[sdk.DynamicConfigValue("noValue", "")],
    )
    overrides = [cells, *(by_name(name, **properties) for name, properties in columns.items())]
    made = panel(
        "table", title, meaning, [query], options=options, field=field, overrides=overrides
    )
    made.transformations = list(transformations) or None
    return made


def column(
    *,
    unit: str | None = None,
    width: int | None = None,
    at_least: int | None = None,
    steps: Steps | None = None,
    values: Words | None = None,
    link: sdk.DashboardLink | None = None,
    wrap: bool = False,
    decimals: int | None = None,
    gauge: bool = False,
    absent: str | None = None,
) -> Column:
    """Dress a column: `steps` and `values` colour its text, `wrap` shows long text whole.

    A column without `width` shares what is left, `at_least` so much of it;
    `gauge` draws a bar beside the number, from zero to the column's greatest, or to 1 for a share;
    `absent` stands where there is no value.
    """
    properties: dict[str, object] = {
        "unit": unit,
        "custom_width": width,
        "custom_minWidth": at_least,
        "thresholds": style.thresholds(steps) if steps else None,
        "mappings": style.words(values) if values else None,
        "custom_cellOptions": _cell(coloured=bool(steps or values), gauge=gauge),
        "custom_wrapText": wrap or None,
        "links": [link] if link else None,
        "decimals": decimals,
        "noValue": absent,
        "min": 0 if gauge else None,
        "max": 1 if gauge and unit == style.PERCENT else None,
    }
    return {name: value for name, value in properties.items() if value is not None}


def _cell(*, coloured: bool, gauge: bool) -> dict[str, object] | None:
    if gauge:
        return {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    return {"type": "color-text"} if coloured else None


def hidden() -> Column:
    """Keep a column out of sight; links may still read it."""
    return {"custom_hideFrom": {"viz": True, "legend": True, "tooltip": True}}


def keep(**shown: str) -> sdk.DataTransformerConfig:
    """Keep these labels of a metric, in this order and by these names; its number is `Value`."""
    return transformation(
        "organize",
        includeByName=dict.fromkeys(shown, True),
        renameByName=shown,
        indexByName={name: place for place, name in enumerate(shown)},
    )
