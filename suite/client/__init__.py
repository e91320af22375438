"""The controller's end of a worker process. Others import `worker`, `declarations`, and the types of `replies`."""
