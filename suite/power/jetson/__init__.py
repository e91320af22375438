"""NVIDIA Jetson boards: their rails, and which of them add up. Sources of Jetsons import both modules."""
