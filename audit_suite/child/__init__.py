"""What runs in a child process, which `evidence.executors.process` starts."""
