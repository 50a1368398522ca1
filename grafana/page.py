"""A dashboard around its panels: variables, links, time, and the grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from grafana_foundation_sdk.models import dashboard as sdk

from grafana.queries import POSTGRESQL, Sql

COLUMNS = 24
TITLES = {
    "vsa-home": "Home",
    "vsa-fleet": "Fleet",
    "vsa-node": "Node",
    "vsa-certificates": "Certificates",
    "vsa-audit": "Audit",
}

# ---------------------------------------------------------------------------- the grid


@dataclass(frozen=True)
class Band:
    """Panels side by side, as high as each other; `widths` in 24ths, equal where not given."""

    height: int
    panels: tuple[sdk.Panel, ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Section:
    """A row of the dashboard that can be folded: its title and the bands below it; "" is no row."""

    title: str
    bands: tuple[Band, ...]
    collapsed: bool = False


def band(height: int, *panels: sdk.Panel, widths: tuple[int, ...] | None = None) -> Band:
    """Lay panels side by side; together they fill the width."""
    widths = widths or (COLUMNS // len(panels),) * len(panels)
    if sum(widths) != COLUMNS or len(widths) != len(panels):
        raise ValueError(f"the widths {widths} of {len(panels)} panels do not add up to {COLUMNS}")
    return Band(height, panels, widths)


def section(title: str, *bands: Band, collapsed: bool = False) -> Section:
    """Head bands with a title; `collapsed` hides them until asked for."""
    return Section(title, bands, collapsed)


# ---------------------------------------------------------------------------- the dashboard


def dashboard(
    uid: str,
    meaning: str,
    *parts: Section | Band,
    variables: tuple[sdk.VariableModel, ...] = (),
    annotations: tuple[sdk.AnnotationQuery, ...] = (),
    since: str = "now-6h",
    refresh: str = "30s",
) -> sdk.Dashboard:
    """Make a dashboard; `parts` are laid out from top to bottom."""
    return sdk.Dashboard(
        uid=uid,
        title=TITLES[uid],
        description=meaning,
        tags=["vsa"],
        timezone="browser",
        editable=False,
        graph_tooltip=sdk.DashboardCursorSync.CROSSHAIR,
        time=sdk.DashboardDashboardTime(since, "now"),
        refresh=refresh,
        schema_version=42,
        panels=_laid_out([_as_section(part) for part in parts]),
        templating=sdk.DashboardDashboardTemplating([*_DATA_SOURCES, *variables]),
        annotations=sdk.AnnotationContainer(list(annotations)),
        links=[_menu(other) for other in TITLES if other != uid],
    )


def _as_section(part: Section | Band) -> Section:
    return part if isinstance(part, Section) else Section("", (part,))


def _laid_out(sections: list[Section]) -> list[sdk.Panel | sdk.RowPanel]:
    laid: list[sdk.Panel | sdk.RowPanel] = []
    y = 0
    for each in sections:
        inside, below = _stacked(each.bands, y + bool(each.title))
        folded = inside if each.collapsed else []
        place = sdk.GridPos(1, COLUMNS, 0, y)
        if each.title:
            laid.append(sdk.RowPanel(each.collapsed, each.title, grid_pos=place, panels=folded))
        laid.extend(() if each.collapsed else inside)
        y = below
    return _numbered(laid)


def _stacked(bands: tuple[Band, ...], y: int) -> tuple[list[sdk.Panel], int]:
    """Place bands below each other from `y` on; return their panels and where the next may begin."""
    panels: list[sdk.Panel] = []
    for each in bands:
        x = 0
        for panel, width in zip(each.panels, each.widths, strict=True):
            panel.grid_pos = sdk.GridPos(each.height, width, x, y)
            x += width
        panels.extend(each.panels)
        y += each.height
    return panels, y


def _numbered(panels: list[sdk.Panel | sdk.RowPanel]) -> list[sdk.Panel | sdk.RowPanel]:
    """Give panels ids in reading order: the address of a single panel holds its id."""
    folded = [[panel, *(getattr(panel, "panels", None) or [])] for panel in panels]
    for number, panel in enumerate(chain.from_iterable(folded), start=1):
        panel.id_val = number
    return panels


# ---------------------------------------------------------------------------- variables


def query_variable(
    name: str,
    label: str,
    meaning: str,
    statement: str,
    *,
    several: bool = False,
) -> sdk.VariableModel:
    """Offer the rows of an SQL query to choose from; `several` adds All, which is the regex `.*`."""
    everything = sdk.VariableOption(selected=True, text=["All"], value=["$__all"])
    return sdk.VariableModel(
        type_val=sdk.VariableType.QUERY,
        name=name,
        label=label,
        description=meaning,
        datasource=POSTGRESQL,
        query=statement,
        definition=statement,
        refresh=sdk.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=sdk.VariableSort.DISABLED,
        multi=several,
        include_all=several,
        all_value=".*" if several else None,
        current=everything if several else None,
        allow_custom_value=False,
    )


def text_variable(name: str, label: str, meaning: str) -> sdk.VariableModel:
    """Offer a box to type in, empty at first."""
    return sdk.VariableModel(
        type_val=sdk.VariableType.TEXTBOX,
        name=name,
        label=label,
        description=meaning,
        query="",
        current=sdk.VariableOption(text="", value=""),
    )


def _data_source(name: str, label: str, kind: str) -> sdk.VariableModel:
    return sdk.VariableModel(
        type_val=sdk.VariableType.DATASOURCE,
        name=name,
        label=label,
        description="Where the panels ask; needed where Grafana has several.",
        query=kind,
        current=sdk.VariableOption(text=f"VSA {label}", value=f"vsa-{name}"),
        allow_custom_value=False,
    )


_DATA_SOURCES = (
    _data_source("prometheus", "Prometheus", "prometheus"),
    _data_source("postgresql", "PostgreSQL", str(POSTGRESQL.type_val)),
)


# ---------------------------------------------------------------------------- annotations


def annotation(name: str, colour: str, query: Sql) -> sdk.AnnotationQuery:
    """Mark moments in every chart, from rows of `time` and `text`."""
    query.ref_id = "A"
    return sdk.AnnotationQuery(
        name=name, datasource=POSTGRESQL, icon_color=colour, target=query, built_in=None
    )


# ---------------------------------------------------------------------------- links


def _menu(uid: str) -> sdk.DashboardLink:
    return sdk.DashboardLink(
        title=TITLES[uid],
        type_val=sdk.DashboardLinkType.LINK,
        icon="dashboard",
        url=f"/d/{uid}",
        include_vars=True,
        keep_time=True,
    )


def link_to(uid: str, title: str, **variables: str) -> sdk.DashboardLink:
    """Link a value to another dashboard, with the same time and data sources and these variables."""
    chosen = {"prometheus": "${prometheus}", "postgresql": "${postgresql}", **variables}
    query = "&".join(f"var-{name}={value}" for name, value in chosen.items())
    return sdk.DashboardLink(title=title, url=f"/d/{uid}?${{__url_time_range}}&{query}")


def node_link(column: str = "Node") -> sdk.DashboardLink:
    """Link a table row to the page of the node that its column names."""
    return link_to("vsa-node", "Open this node", node=f'${{__data.fields["{column}"]}}')


# Of a row that names the page in a column of its own, and the node or the domain that it is about.
TO_THING = link_to(
    "${__data.fields.page}",
    "Open its page",
    node="${__data.fields.node}",
    domain="${__data.fields.domain}",
)
