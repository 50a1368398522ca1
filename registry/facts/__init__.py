"""The words every room shares: closed sets and the typed facts that probes return.

Standard library only, so that the asking code depends on nothing that stores.
"""
