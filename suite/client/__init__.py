"""The controller's end of the worker. Others import `worker.Worker`, and the types of `replies`."""
