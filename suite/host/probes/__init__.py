"""Plug-ins: one look at the machine each. Found by discovery; nothing imports them."""
