"""What a TLS probe costs, beside its peers: saturated, paced, and over a long time."""
