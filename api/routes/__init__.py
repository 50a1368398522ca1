"""The paths under /api, one module a resource; a route is a few lines, the work is the registry's."""
