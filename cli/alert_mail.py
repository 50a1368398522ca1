"""The mail about alerts, as Go templates that Alertmanager fills: what is wrong first, then what to do."""

from __future__ import annotations

# What every template here may name of an alert.
_SUMMARY = "{{ .Annotations.summary }}"
_MOMENT = '.UTC.Format "2006-01-02 15:04 UTC"'


def mail_subject() -> str:
    """One alert is named, several are counted; what is over says so first."""
    return (
        '{{ if eq .Status "resolved" }}[over] {{ end }}'
        "{{ if .CommonAnnotations.summary }}{{ .CommonAnnotations.summary }}"
        "{{ else }}{{ len .Alerts }} alerts: {{ range $i, $name := .GroupLabels.Values }}"
        "{{ if $i }}, {{ end }}{{ $name }}{{ end }}{{ end }}"
    )


def mail_text(dashboard: str | None) -> str:
    """Return the body; `dashboard` is the DNS name that its links begin with, None for no links."""
    return (
        "{{ range .Alerts.Firing }}"
        f"{_SUMMARY}\n"
        f"{{{{ .Labels.severity }}}}, since {{{{ .StartsAt{_MOMENT} }}}}\n\n"
        "{{ .Annotations.description }}\n\n"
        "Runbook:   {{ .Annotations.runbook_url }}\n"
        f"{_link(dashboard)}"
        "\n\n"
        "{{ end }}"
        "{{ if .Alerts.Resolved }}Over:\n"
        f"{{{{ range .Alerts.Resolved }}}}- {_SUMMARY} (until {{{{ .EndsAt{_MOMENT} }}}})\n{{{{ end }}}}"
        "{{ end }}"
    )


def _link(dashboard: str | None) -> str:
    """Link to the page of what the alert is about."""
    if not dashboard:
        return ""
    pages = (
        "{{ if .Labels.node }}vsa-node?var-node={{ .Labels.node | urlquery }}"
        "{{ else if .Labels.domain }}vsa-certificates?var-domain={{ .Labels.domain | urlquery }}"
        "{{ else }}vsa-fleet{{ end }}"
    )
    return f"Dashboard: https://{dashboard}/grafana/d/{pages}\n"
