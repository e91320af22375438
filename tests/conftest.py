"""Settings of all tests. Python 3.6 reads this file too, where the worker's tests run without hypothesis."""

try:
    from hypothesis import settings
except ImportError:
    pass
else:
    # The same examples every time, and no limit that a slow machine would miss.
    settings.register_profile("suite", derandomize=True, deadline=None)
    settings.load_profile("suite")
