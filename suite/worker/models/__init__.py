"""Plug-ins: one model each. Found by discovery; nothing imports them."""
