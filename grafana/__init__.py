"""The dashboards as code: `python -m grafana` writes `dashboards/*.json`, `--check` compares. Development only.

One file a dashboard; how they look is `style`, `panels`, `tables` and `page`; what they ask is `queries`.
"""

import warnings

# Its classic schema is what Grafana's file provisioning reads; the library would rather be asked for another.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import grafana_foundation_sdk.models.dashboard  # noqa: F401
