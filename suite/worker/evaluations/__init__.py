"""Plug-ins: one way to tell how right a model is each. Found by discovery; nothing imports them."""
