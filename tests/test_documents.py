"""What the documents promise, held against the code."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic.fields import FieldInfo

from registry.durations import format_duration
from registry.settings import Settings

ROOT = Path(__file__).parent.parent
SECRETS = {
    *("database_url", "migration_database_url", "secret_key", "old_secret_keys"),
    *("api_token", "proxy_token", "prometheus_token", "alert_webhook_url", "smtp_password"),
}
DATA_DIR = "`~/.local/share/vsa`, as root `/var/lib/vsa`"


def shown_default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return DATA_DIR
    if field.default is None:
        return ""
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, float):
        return f"`{format_duration(field.default)}`"
    if isinstance(field.default, int):
        return f"`{field.default >> 20}MiB`"
    listed = isinstance(field.default, tuple)
    return f"`{','.join(field.default) if listed else field.default}`"


def settings_table() -> str:
    rows = ["| variable | default | what it is |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        also = " (also `_FILE`)" if name in SECRETS else ""
        variable = f"`VSA_{name.upper()}`{also}"
        rows.append(f"| {variable} | {shown_default(name, field)} | {field.description} |")
    return "\n".join(rows)


def test_the_readme_lists_every_setting_as_it_is() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    match = re.search(
        r"<!-- settings: begin [^\n]*-->\n(.*?)\n?<!-- settings: end -->", text, re.DOTALL
    )
    assert match
    assert match[1] == settings_table()


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{document.name}: {link}"
        for document in documents
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
        if not (document.parent / link).exists()
    ]
    assert not broken


def test_operations_names_only_what_there_is() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    compose = (ROOT / "compose" / "compose.yml").read_text(encoding="utf-8")
    known = {f"VSA_{name.upper()}" for name in Settings.model_fields}
    known |= set(re.findall(r"VSA_[A-Z_]+", compose))
    assert set(re.findall(r"VSA_[A-Z_]+", text)) <= known
    metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"vsa_(?:collector|schedule|audit|node)_\w+", text)) <= set(
        re.findall(r"vsa_\w+", metrics)
    )
    rules = "".join(file.read_text() for file in (ROOT / "prometheus" / "rules").glob("*.yml"))
    assert all(f"alert: {name}" in rules for name in re.findall(r"\bVsa[A-Z]\w+", text))
