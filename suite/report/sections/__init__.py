"""Plug-ins: one part of the report each. Found by discovery; nothing imports them."""
