"""Jetson boards and their rails. Sources of Jetsons import both modules."""
