"""The controller's end of the worker process. Others import `worker.Worker` and the types of `replies`."""
