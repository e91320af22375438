"""Plug-ins: one way to run a model each. Found by discovery; nothing imports them."""
