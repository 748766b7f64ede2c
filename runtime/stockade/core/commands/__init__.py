"""The application's commands, listeners and lifespans: registered, bound to arguments, and run."""
