"""ASKS: leases due targets, asks them, and hands the answers to the registry."""
