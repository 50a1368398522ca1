"""THE HTTP DOOR: registry CRUD, the audit trail, service discovery, health."""
