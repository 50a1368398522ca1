"""The metrics of `/metrics`: the programs, the nodes and the domains."""

from __future__ import annotations

from exporter.families.family import Family, Group

FLEET: list[Family] = []

# ---------------------------------------------------------------------------- the programs

_exporter = Group(FLEET, "exporter", ())
BUILD_INFO = _exporter.gauge("vsa_build_info", "Version of the exporter.", "version")

_collector = Group(FLEET, "collector's heartbeat", ("collector",))
COLLECTOR_HEARTBEAT = _collector.gauge(
    "vsa_collector_heartbeat_timestamp_seconds", "Last sign of life."
)
COLLECTOR_START_TIME = _collector.gauge("vsa_collector_start_time_seconds", "When it started.")
COLLECTOR_INFO = _collector.gauge("vsa_collector_info", "Version of the collector.", "version")
COLLECTOR_PROBES = _collector.counter("vsa_collector_probes_total", "Probes made.")
COLLECTOR_FAILURES = _collector.counter(
    "vsa_collector_probe_failures_total", "Probes without an answer."
)
COLLECTOR_DISCARDED = _collector.counter(
    "vsa_collector_discarded_results_total", "Results that came after their lease had ended."
)
COLLECTOR_CPU = _collector.counter("vsa_collector_cpu_seconds_total", "CPU time used.")
COLLECTOR_MEMORY = _collector.gauge("vsa_collector_resident_memory_bytes", "Resident memory.")

_schedule = Group(FLEET, "schedule", ())
OVERDUE_TARGETS = _schedule.gauge(
    "vsa_schedule_overdue_targets", "Targets due that no collector asks."
)
LATENESS = _schedule.gauge("vsa_schedule_lateness_seconds", "Since when the oldest of them is due.")

_audit = Group(FLEET, "audit trail", ())
AUDIT_HEAD = _audit.gauge("vsa_audit_head_info", "Hash of the newest audit entry.", "hash")
AUDIT_ENTRIES = _audit.counter("vsa_audit_entries_total", "Audit entries written.")

# ---------------------------------------------------------------------------- nodes

_node = Group(FLEET, "scrape of the node", ("node",))
NODE_UP = _node.gauge("vsa_node_up", "1 where the last scrape succeeded and its data is fresh.")
NODE_FAILURE = _node.gauge(
    "vsa_node_failure", "1 at the reason why the last scrape failed.", "reason"
)
NODE_LAST_SUCCESS = _node.gauge(
    "vsa_node_last_success_timestamp_seconds", "Last scrape that succeeded."
)
NODE_CONSECUTIVE_FAILURES = _node.gauge(
    "vsa_node_consecutive_failures", "Failed scrapes since the last success."
)
NODE_SCRAPES = _node.counter("vsa_node_scrapes_total", "Scrapes made.")
NODE_SCRAPE_FAILURES = _node.counter("vsa_node_scrape_failures_total", "Scrapes that failed.")
NODE_GAPS = _node.counter(
    "vsa_node_gaps_total", "Gaps in the node's history: state not seen, or events lost.", "kind"
)
NODE_SCRAPE_PHASE = _node.gauge(
    "vsa_node_scrape_phase_seconds", "Duration of the last scrape.", "phase"
)
NODE_SCRAPE_REQUESTS = _node.gauge("vsa_node_scrape_requests", "Requests of the last scrape.")
NODE_SCRAPE_BYTES = _node.gauge(
    "vsa_node_scrape_received_bytes", "Bytes received in the last scrape."
)
NODE_SCRAPE_CPU = _node.gauge(
    "vsa_node_scrape_cpu_seconds",
    "CPU time that the last scrape took of the collector; TLS, SSH and the database left out.",
)

_engine = Group(FLEET, "GET /version, GET /info", ("node",))
NODE_ENGINE = _engine.gauge(
    "vsa_node_engine_info",
    "What the engine says of itself.",
    *("version", "api_version", "operating_system", "kernel_version", "architecture"),
    *("storage_driver", "cgroup_version", "swarm_role"),
)
NODE_WARNINGS = _engine.gauge(
    "vsa_node_engine_warnings", "Warnings that the engine gives; `vsa node show` has their text."
)
NODE_DUPLICATE = _engine.gauge(
    "vsa_node_duplicate_engine",
    "1 where another node has the same engine id: named twice, or a cloned machine.",
)

_disk = Group(FLEET, "GET /system/df, where VSA_DISK_USAGE_INTERVAL is set", ("node",))
NODE_DISK_TIME = _disk.gauge(
    "vsa_node_disk_measured_timestamp_seconds", "When the engine said what fills its disk."
)
NODE_DISK_USAGE = _disk.gauge(
    "vsa_node_disk_usage_bytes", "What things of that kind take; layers are counted once.", "kind"
)
NODE_DISK_RECLAIMABLE = _disk.gauge(
    "vsa_node_disk_reclaimable_bytes", "What of it belongs to things that nobody uses.", "kind"
)
NODE_DISK_OBJECTS = _disk.gauge("vsa_node_disk_objects", "Things of that kind.", "kind")

_node_containers = Group(FLEET, "GET /containers/json", ("node",))
NODE_CONTAINERS = _node_containers.gauge(
    "vsa_node_containers", "Containers, stopped ones too; absent while the data is stale.", "state"
)

_events = Group(FLEET, "GET /events", ("node",))
CONTAINER_EVENTS = _events.counter(
    "vsa_container_events_total",
    "Events by container name; kept while the node is away.",
    *("name", "event"),
)
CONTAINER_DEATHS = _events.counter(
    "vsa_container_deaths_total",
    "Ends by container name and exit code: success (0), error (to 128), signal (above).",
    *("name", "exit"),
)

# ---------------------------------------------------------------------------- domains

_registered = Group(FLEET, "registry", ("domain", "port", "server_name"))
DOMAIN_INFO = _registered.gauge(
    "vsa_domain_info",
    "The node and the container that serve it; without the label where none was named.",
    *("node", "container"),
)

_domain = Group(FLEET, "TLS probe", ("domain", "port", "server_name"))
DOMAIN_FAILURE = _domain.gauge(
    "vsa_domain_failure", "1 at the reason why no address answered.", "reason"
)
DOMAIN_LAST_SUCCESS = _domain.gauge(
    "vsa_domain_last_success_timestamp_seconds", "Last time at least one address answered."
)
DOMAIN_CONSECUTIVE_FAILURES = _domain.gauge(
    "vsa_domain_consecutive_failures", "Failed probes since the last success."
)
DOMAIN_PROBES = _domain.counter("vsa_domain_probes_total", "Probes made.")
DOMAIN_PROBE_FAILURES = _domain.counter(
    "vsa_domain_probe_failures_total", "Probes that no address answered."
)

DOMAIN_CERTIFICATES = _domain.gauge(
    "vsa_domain_certificates", "Different certificates at the addresses of DNS that answer."
)
DOMAIN_VARIANTS = _domain.gauge(
    "vsa_domain_certificate_variants",
    "Different pairs of issuing organisation and names among them.",
)
DOMAIN_CHANGES = _domain.counter(
    "vsa_domain_certificate_changes_total",
    "Times that an address showed another certificate than before, by what was new about it.",
    "change",
)

_endpoint = Group(FLEET, "TLS probe", ("domain", "address", "port", "server_name"))
ENDPOINT_INFO = _endpoint.gauge(
    "vsa_endpoint_info",
    "How it is spoken to, and whether DNS gave the address or it is that of the domain's node.",
    *("source", "starttls"),
)
ENDPOINT_VERDICT = _endpoint.gauge(
    "vsa_endpoint_verdict", "1 at what verification last said of the certificate.", "verdict"
)
ENDPOINT_FAULT = _endpoint.gauge(
    "vsa_endpoint_fault",
    "1 for everything that verification found wrong; the most pressing is the verdict.",
    "verdict",
)
ENDPOINT_OCSP = _endpoint.gauge(
    "vsa_endpoint_ocsp_status",
    "1 at what the stapled OCSP response says; absent where none came.",
    "status",
)
ENDPOINT_FAILURE = _endpoint.gauge(
    "vsa_endpoint_failure", "1 at the reason why the last probe got no answer.", "reason"
)
ENDPOINT_LAST_SUCCESS = _endpoint.gauge(
    "vsa_endpoint_last_success_timestamp_seconds", "Last handshake that showed a certificate."
)
ENDPOINT_DURATION = _endpoint.gauge(
    "vsa_endpoint_probe_duration_seconds", "Duration of the last probe."
)
ENDPOINT_TLS = _endpoint.gauge(
    "vsa_endpoint_tls_info", "What the last handshake agreed on.", "tls_version", "cipher", "alpn"
)
ENDPOINT_CHAIN_NOT_AFTER = _endpoint.gauge(
    "vsa_endpoint_chain_not_after_timestamp_seconds",
    "Earliest end of validity in the verified chain; absent where nothing was verified.",
)
ENDPOINT_SERVING_SINCE = _endpoint.gauge(
    "vsa_endpoint_serving_since_timestamp_seconds",
    "When it was first seen to serve the certificate that it serves.",
)
ENDPOINT_RENEWALS = _endpoint.counter(
    "vsa_endpoint_renewals_total", "Times that it showed a newer certificate than before."
)

_newer = Group(
    FLEET,
    "TLS probe, files, uploads",
    (*_endpoint.labels, "source", "where", "fingerprint_sha256"),
)
ENDPOINT_NEWER = _newer.gauge(
    "vsa_endpoint_newer_certificate_info",
    "There where a newer certificate for the name is known than the one that is served.",
)
ENDPOINT_NEWER_NOT_BEFORE = _newer.gauge(
    "vsa_endpoint_newer_certificate_not_before_timestamp_seconds", "Begin of its validity."
)

_certificate = Group(FLEET, "TLS probe", (*_endpoint.labels, "fingerprint_sha256"))
CERTIFICATE_NOT_BEFORE = _certificate.gauge(
    "vsa_certificate_not_before_timestamp_seconds", "Begin of validity, whatever the verdict."
)
CERTIFICATE_NOT_AFTER = _certificate.gauge(
    "vsa_certificate_not_after_timestamp_seconds", "End of validity, whatever the verdict."
)
CERTIFICATE_INFO = _certificate.gauge(
    "vsa_certificate_info", "Names on the certificate.", "subject", "issuer", "serial_number"
)
CERTIFICATE_LIFETIME = _certificate.gauge(
    "vsa_certificate_lifetime_seconds", "From the begin to the end of validity."
)
CERTIFICATE_REMAINING = _certificate.gauge(
    "vsa_certificate_remaining_ratio", "Share of its life that is left; below 0 when it is over."
)

# ---------------------------------------------------------------------------- certificates beside the wire

_known = Group(
    FLEET, "files of a collector's host, uploads", ("source", "host", "place", "fingerprint_sha256")
)
KNOWN_NOT_BEFORE = _known.gauge(
    "vsa_known_certificate_not_before_timestamp_seconds", "Begin of validity."
)
KNOWN_NOT_AFTER = _known.gauge(
    "vsa_known_certificate_not_after_timestamp_seconds", "End of validity."
)
KNOWN_INFO = _known.gauge(
    "vsa_known_certificate_info",
    "Names on the certificate.",
    *("subject", "issuer", "serial_number"),
)

_place = Group(FLEET, _known.source, ("source", "host", "place"))
KNOWN_UNREADABLE = _place.gauge(
    "vsa_known_certificate_unreadable", "1 where no certificate could be read."
)

_connection = Group(FLEET, "TLS to the node, its credential", ("node", "end"))
NODE_CERTIFICATE_NOT_BEFORE = _connection.gauge(
    "vsa_node_certificate_not_before_timestamp_seconds",
    "Begin of validity of the engine's certificate (server) and of ours (client).",
)
NODE_CERTIFICATE_NOT_AFTER = _connection.gauge(
    "vsa_node_certificate_not_after_timestamp_seconds",
    "End of validity of the engine's certificate (server) and of ours (client).",
)

# ---------------------------------------------------------------------------- names of other exporters

# blackbox_exporter and ssl_exporter are asked for one target a page; here `instance` says which target it is.
_blackbox = Group(FLEET, "TLS probe", ("instance", *_endpoint.labels))
PROBE_SUCCESS = _blackbox.gauge(
    "probe_success", "1 where the last probe saw a certificate that clients accept."
)
PROBE_DURATION = _blackbox.gauge("probe_duration_seconds", "Duration of the last probe.")
PROBE_EARLIEST_EXPIRY = _blackbox.gauge(
    "probe_ssl_earliest_cert_expiry",
    "Earliest end of validity among the certificates sent.",
    unit="seconds",
)
PROBE_CHAIN_EXPIRY = _blackbox.gauge(
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "Earliest end of validity in the verified chain; absent where nothing was verified.",
)
PROBE_CHAIN_INFO = _blackbox.gauge(
    "probe_ssl_last_chain_info",
    "What the certificate says of itself.",
    *("fingerprint_sha256", "subject", "issuer", "subjectalternative", "serialnumber"),
)
PROBE_TLS_VERSION = _blackbox.gauge(
    "probe_tls_version_info", "The version of TLS that was agreed on.", "version"
)

_ssl_exporter = Group(FLEET, "TLS probe", _blackbox.labels)
SSL_TLS_VERSION = _ssl_exporter.gauge(
    "ssl_tls_version_info", "The version of TLS that was agreed on.", "version"
)
_SSL_CERTIFICATE = ("serial_no", "issuer_cn", "cn", "dnsnames", "ips", "ou")
SSL_NOT_BEFORE = _ssl_exporter.gauge(
    "ssl_cert_not_before", "Begin of validity of the leaf.", *_SSL_CERTIFICATE, unit="seconds"
)
SSL_NOT_AFTER = _ssl_exporter.gauge(
    "ssl_cert_not_after", "End of validity of the leaf.", *_SSL_CERTIFICATE, unit="seconds"
)
