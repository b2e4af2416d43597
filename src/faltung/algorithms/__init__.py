"""One algorithm, one module, one protocol."""
