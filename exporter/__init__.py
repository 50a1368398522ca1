"""SHOWS: what the registry holds, as metrics for Prometheus."""
