"""Tasks into records, on the device. Others import `runner`, `bench.OpenWorker`, `moment`, `estimate`."""
