"""The Episodic Transformer: network, plug-in base, and readers of its checkpoints and of ALFRED trajectories."""
