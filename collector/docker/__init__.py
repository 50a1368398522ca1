"""One Docker API in, facts out."""
