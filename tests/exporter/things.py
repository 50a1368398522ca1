"""A fleet in good order to show; a test replaces what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from registry.audit import Head
from registry.collectors import CollectorStatus
from registry.facts.containers import (
    BlockSample,
    ContainerFacts,
    ContainerSample,
    ContainerState,
    Health,
    Limits,
    NetworkSample,
)
from registry.facts.domains import (
    AddressSource,
    CertificateChange,
    CertificateSource,
    Fault,
    OcspStaple,
    OcspStatus,
    StartTls,
    Verdict,
)
from registry.facts.nodes import DiskKind, DiskUsage, DiskUse, EngineFacts, SwarmRole
from registry.facts.outcomes import Cost
from registry.fleet import EventCount, Fleet, GapCount, NodeStatus
from registry.fleet_domains import (
    CertificateDates,
    ChangeCount,
    DomainStatus,
    EndpointStatus,
    KnownStatus,
)
from registry.newer import NewerCertificate

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SEEN = NOW - timedelta(seconds=1)

ENGINE = EngineFacts(
    engine_id="AAAA",
    hostname="web-1",
    version="28.1.1",
    api_version="1.49",
    operating_system='Debian "12"',
    architecture="x86_64",
    kernel_version="6.1.0",
    storage_driver="overlay2",
    cgroup_version="2",
    cpus=4,
    memory_bytes=8 << 30,
    warnings=("WARNING: No swap limit support",),
    swarm_role=SwarmRole.MANAGER,
)
NODE = NodeStatus(
    name="web-1",
    labels={},
    enabled=True,
    interval_seconds=15.0,
    created_at=NOW - timedelta(days=1),
    version=7,
    last_attempt_at=SEEN,
    last_success_at=SEEN,
    failure=None,
    consecutive_failures=0,
    scrapes_total=100,
    failures_total=3,
    engine=ENGINE,
    cost=Cost(requests=3, received_bytes=4096, phase_seconds={"list": 0.25}, cpu_seconds=0.002),
    containers={"running": 2, "exited": 1},
    disk=DiskUsage(SEEN.timestamp(), {DiskKind.IMAGES: DiskUse(5, 2, 3000, 1000)}),
)
DOMAIN = DomainStatus(
    id=1,
    name="shop.example",
    port=443,
    server_name=None,
    node="web-1",
    container="shop",
    enabled=True,
    last_attempt_at=SEEN,
    last_success_at=SEEN,
    failure=None,
    consecutive_failures=0,
    probes_total=10,
    failures_total=1,
)
ENDPOINT = EndpointStatus(
    domain_id=1,
    domain="shop.example",
    port=443,
    starttls=StartTls.NONE,
    server_name=None,
    address="192.0.2.1",
    last_attempt_at=SEEN,
    last_success_at=SEEN,
    failure=None,
    seconds=0.125,
    verdict=Verdict.OK,
    fingerprint="ab" * 32,
    subject="CN=shop.example",
    issuer="CN=R10,O=Let's Encrypt,C=US",
    serial_number="04d2",
    sans=("shop.example",),
    not_before=NOW - timedelta(days=30),
    not_after=NOW + timedelta(days=60),
    chain_not_after=NOW + timedelta(days=60),
    tls_version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    alpn="h2",
)
COLLECTOR = CollectorStatus(
    instance="host:42",
    version="0.1.0",
    started_at=NOW - timedelta(hours=1),
    last_seen_at=SEEN,
    probes_total=1000,
    failures_total=4,
    discarded_total=2,
    cpu_seconds_total=12.5,
    resident_memory_bytes=64 << 20,
)
FLEET = Fleet(
    now=NOW,
    nodes=(NODE,),
    domains=(DOMAIN,),
    endpoints=(ENDPOINT,),
    event_counts=(
        EventCount("web-1", "shop", "die: error", 4),
        EventCount("web-1", "shop", "oom", 2),
    ),
    gap_counts=(GapCount("web-1", "events", 3),),
    collectors=(COLLECTOR,),
    head=Head(12, "cd" * 32),
    overdue_targets=1,
    oldest_overdue_seconds=2.5,
)

KNOWN = KnownStatus(
    source=CertificateSource.FILE,
    host="dash-1",
    place="/etc/letsencrypt/live/a/cert.pem",
    failure_detail=None,
    fingerprint="ef" * 32,
    subject="CN=a.example",
    issuer="CN=R10",
    serial_number="05",
    not_before=NOW - timedelta(days=1),
    not_after=NOW + timedelta(days=1),
)
_ENDS = CertificateDates("CN=engine", NOW - timedelta(days=1), NOW + timedelta(days=1))
# Nothing that can be shown is missing: the worse end of it too.
EVERYTHING = replace(
    FLEET,
    nodes=(replace(NODE, certificate=_ENDS, client_certificate=_ENDS),),
    endpoints=(
        replace(
            ENDPOINT,
            faults=(Fault(Verdict.WEAK, "SHA-1"),),
            source=AddressSource.RESOLVED,
            staple=OcspStaple(OcspStatus.GOOD),
            sent_not_after=NOW + timedelta(days=60),
            serving_since=NOW - timedelta(days=30),
            renewals_total=2,
            newer=NewerCertificate("cd" * 32, NOW, "192.0.2.2", "endpoint"),
        ),
    ),
    certificate_changes=(ChangeCount(DOMAIN.id, CertificateChange.RENEWED, 2),),
    known=(KNOWN,),
)

SHOP_ID = sha256(b"shop").hexdigest()
SHOP = ContainerFacts(
    container_id=SHOP_ID,
    name="shop",
    image="registry.example/shop:1",
    image_id="sha256:1",
    state=ContainerState.RUNNING,
    health=Health.HEALTHY,
    restart_count=2,
    created_at=NOW - timedelta(days=3),
    started_at=NOW - timedelta(days=2),
    labels={"com.docker.compose.project": "shop"},
    limits=Limits(memory_bytes=1 << 28, memory_swap_bytes=-1, nano_cpus=1_500_000_000),
    image_digest="sha256:2",
)
SHOP_SAMPLE = ContainerSample(
    container_id=SHOP_ID,
    received_at=SEEN.timestamp() + 0.25,
    cpu_total_ns=12_345_678_901,
    cpu_user_ns=10_000_000_000,
    cpu_system_ns=2_345_678_901,
    cfs_periods=100,
    cfs_throttled_periods=3,
    cfs_throttled_ns=250_000_000,
    memory_usage_bytes=200_000_000,
    memory_working_set_bytes=150_000_000,
    memory_rss_bytes=120_000_000,
    memory_cache_bytes=50_000_000,
    memory_max_usage_bytes=210_000_000,
    memory_failures=5,
    pids=17,
    pids_limit=100,
    memory_swap_bytes=4096,
    memory_mapped_bytes=8192,
    memory_active_file_bytes=30_000_000,
    memory_inactive_file_bytes=50_000_000,
    page_faults=1234,
    major_page_faults=56,
    networks=(NetworkSample("eth0", 1, 2, 3, 4, 5, 6, 7, 8),),
    blocks=(BlockSample(8, 0, "Read", 4096, 1), BlockSample(8, 0, "Write", 8192, 2)),
)
