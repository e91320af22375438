"""Engines that containers run in. Others import `engine`; other machines move in later."""
