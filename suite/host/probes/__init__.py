"""Host probes: one file each, found by suite.registry.discover."""
