"""The shapes of request and answer bodies, as OpenAPI shows them."""
