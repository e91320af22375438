"""Energy: sources (plug-ins), the sampler process, windows and integration."""
