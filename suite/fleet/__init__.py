"""Engines that containers run in. Others import `engine`."""
