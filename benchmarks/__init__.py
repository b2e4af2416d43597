"""Measure faltung against its peers: cases as data, peers as small adapters, one harness."""
