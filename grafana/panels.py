"""One function a kind of panel; each wants a title, what the panel means and what to do, and its queries."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.models import bargauge, common, statetimeline, text, timeseries
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models import stat as stats

from grafana import style
from grafana.queries import Query
from grafana.style import Steps, Words

Links = Sequence[sdk.DashboardLink]


def stat(
    title: str,
    meaning: str,
    *queries: Query,
    unit: str = style.COUNT,
    steps: Steps = style.NO_STEPS,
    values: Words | None = None,
    links: Links = (),
    no_value: str = "no data",
    decimals: float | None = None,
    text_field: str = "",
) -> sdk.Panel:
    """One number, coloured by `steps`; or one word of SQL's column `text_field`, coloured by `values`."""
    options = stats.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.VALUE,
        justify_mode=common.BigValueJustifyMode.CENTER,
        text_mode=common.BigValueTextMode.VALUE,
        orientation=common.VizOrientation.AUTO,
        reduce_options=_last(f"/^{text_field}$/" if text_field else ""),
    )
    field = _field(unit, steps, values, links, no_value)
    field.decimals = decimals
    field.mappings = [style.when_absent(no_value), *(field.mappings or [])]
    return panel("stat", title, meaning, queries, options=options, field=field)


def chart(
    title: str,
    meaning: str,
    *queries: Query,
    unit: str = style.COUNT,
    steps: Steps | None = None,
    stacked: bool = False,
    counts: bool = False,
    maximum: float | None = None,
    decimals: int | None = None,
    no_value: str = "No data in this time range",
    colours: dict[str, str] | None = None,
) -> sdk.Panel:
    """Lines over time; `steps` are drawn as dashed lines, `colours` name series by their legend.

    `counts` draws columns instead, and their sum in the legend: how much happened, not how it stood.
    """
    options = timeseries.Options(
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.TABLE,
            placement=common.LegendPlacement.BOTTOM,
            show_legend=True,
            calcs=["sum"] if counts else ["lastNotNull", "max"],
        ),
        tooltip=common.VizTooltipOptions(
            mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING
        ),
    )
    field = _field(unit, steps or style.NO_STEPS, None, (), no_value)
    field.color = sdk.FieldColor(sdk.FieldColorModeId.PALETTE_CLASSIC)
    field.min_val, field.max_val, field.decimals = 0, maximum, decimals
    field.custom = _columns() if counts else _lines(stacked=stacked, limits=steps is not None)
    overrides = [by_name(name, color=fixed(colour)) for name, colour in (colours or {}).items()]
    return panel(
        "timeseries", title, meaning, queries, options=options, field=field, overrides=overrides
    )


def bars(
    title: str,
    meaning: str,
    *queries: Query,
    unit: str = style.COUNT,
    steps: Steps = style.NO_STEPS,
    maximum: float | None = None,
    links: Links = (),
    no_value: str = "Nothing to compare yet",
) -> sdk.Panel:
    """One horizontal bar a series, in the order of the query."""
    options = bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.TEXT,
        name_placement=common.BarGaugeNamePlacement.LEFT,
        sizing=common.BarGaugeSizing.MANUAL,
        max_viz_height=28,
        text=common.VizTextDisplayOptions(title_size=13, value_size=13),
        reduce_options=_last(),
        orientation=common.VizOrientation.HORIZONTAL,
        legend=common.VizLegendOptions(show_legend=False, calcs=[]),
    )
    field = _field(unit, steps, None, links, no_value)
    field.min_val, field.max_val = 0, maximum
    return panel("bargauge", title, meaning, queries, options=options, field=field)


def timeline(
    title: str,
    meaning: str,
    query: Query,
    values: Words,
    *,
    row: str,
    no_value: str = "Nothing was seen in this time range",
) -> sdk.Panel:
    """States over time from SQL rows of `time`, the column `row` and `state`: a band a value of `row`."""
    options = statetimeline.Options(
        show_value=common.VisibilityMode.NEVER,
        row_height=0.8,
        merge_values=True,
        align_value=common.TimelineValueAlignment.LEFT,
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            show_legend=True,
            calcs=[],
        ),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.SINGLE),
    )
    field = _field(style.PLAIN, style.NO_STEPS, values, (), no_value)
    field.custom = statetimeline.FieldConfig(fill_opacity=80, line_width=0)
    made = panel("state-timeline", title, meaning, [query], options=options, field=field)
    made.max_data_points = 400
    made.transformations = [
        transformation("groupingToMatrix", columnField=row, rowField="time", valueField="state")
    ]
    return made


def note(title: str, meaning: str, markdown: str) -> sdk.Panel:
    """Show a text; links in it are relative, so that they hold under any sub-path."""
    options = text.Options(text.TextMode.MARKDOWN, content=markdown)
    return panel("text", title, meaning, [], options=options, field=sdk.FieldConfig())


# ---------------------------------------------------------------------------- their parts


def panel(
    kind: str,
    title: str,
    meaning: str,
    queries: Sequence[Query],
    *,
    options: object,
    field: sdk.FieldConfig,
    overrides: Sequence[sdk.DashboardFieldConfigSourceOverrides] = (),
) -> sdk.Panel:
    """Make a panel of any kind; its queries are named A, B, C … in their order."""
    for letter, query in zip(ascii_uppercase, queries, strict=False):
        query.ref_id = letter
    return sdk.Panel(
        type_val=kind,
        title=title,
        description=meaning,
        datasource=queries[0].datasource if queries else None,
        targets=list(queries) or None,
        options=options,
        field_config=sdk.FieldConfigSource(field, list(overrides)),
    )


def by_name(name: str, **properties: object) -> sdk.DashboardFieldConfigSourceOverrides:
    """Set properties of the one field of that name; `custom_x` is Grafana's `custom.x`."""
    values = [
        sdk.DynamicConfigValue(key.replace("custom_", "custom."), value)
        for key, value in properties.items()
    ]
    matcher = sdk.MatcherConfig("byName", name)
    return sdk.DashboardFieldConfigSourceOverrides(matcher=matcher, properties=values)


def fixed(colour: str) -> sdk.FieldColor:
    """One colour, whatever the value."""
    return sdk.FieldColor(sdk.FieldColorModeId.FIXED, colour)


def transformation(name: str, **options: object) -> sdk.DataTransformerConfig:
    """One step between a query's answer and the panel."""
    return sdk.DataTransformerConfig(name, options=options)


def _last(fields: str = "") -> common.ReduceDataOptions:
    return common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields=fields)


def _field(
    unit: str, steps: Steps, values: Words | None, links: Links, no_value: str
) -> sdk.FieldConfig:
    return sdk.FieldConfig(
        unit=unit,
        thresholds=style.thresholds(steps),
        color=sdk.FieldColor(sdk.FieldColorModeId.THRESHOLDS),
        mappings=style.words(values) if values else None,
        links=list(links) or None,
        no_value=no_value,
    )


def _lines(*, stacked: bool, limits: bool) -> timeseries.FieldConfig:
    stacking = common.StackingMode.NORMAL if stacked else common.StackingMode.NONE
    drawn = (
        common.GraphThresholdsStyleMode.DASHED if limits else common.GraphThresholdsStyleMode.OFF
    )
    return timeseries.FieldConfig(
        draw_style=common.GraphDrawStyle.LINE,
        line_width=1,
        fill_opacity=25 if stacked else 8,
        show_points=common.VisibilityMode.NEVER,
        span_nulls=False,
        stacking=common.StackingConfig(stacking, "A"),
        thresholds_style=common.GraphThresholdsStyleConfig(drawn),
    )


def _columns() -> timeseries.FieldConfig:
    return timeseries.FieldConfig(
        draw_style=common.GraphDrawStyle.BARS,
        line_width=0,
        fill_opacity=80,
        bar_alignment=common.BarAlignment.AFTER,
        stacking=common.StackingConfig(common.StackingMode.NORMAL, "A"),
    )
