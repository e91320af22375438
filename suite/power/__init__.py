"""Energy: channels, windows, integration, the sampler. Others import `meter`, `choice`, `selftest`."""
