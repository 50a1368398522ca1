"""Every metric of the product, declared once: name, type, help, labels, unit and where it comes from.

A page renders its families in the order of declaration. `container_*` and `machine_*` are cAdvisor's
names with cAdvisor's meaning; our own begin with `vsa_`. `docs/metrics.md` is made from these files.
"""
