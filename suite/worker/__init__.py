"""The measured side: a process that holds one model and times it. Runs on Python >= 3.6 with torch >= 1.10.

Nothing in this folder imports anything from the rest of `suite`. Modules can be imported without torch: vendor
imports stand inside functions, so that the controller can read what a plug-in says about itself.
"""
