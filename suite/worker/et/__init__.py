"""The Episodic Transformer and its files. Its models alone import it."""
