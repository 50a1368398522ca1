"""One TLS endpoint in, facts and a verdict out."""
