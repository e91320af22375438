"""Plug-ins: a file or a folder for each sensor. Found by discovery; nothing imports them."""
