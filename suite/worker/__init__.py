"""The measured side, on Python >= 3.6. The controller imports its declarations and protocol alone.

Nothing in this folder imports anything from the rest of `suite`. Modules can be imported without torch: vendor
imports stand inside functions, so that the controller can read what a plug-in says about itself.
"""
