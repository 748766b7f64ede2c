"""The application's commands, listeners and lifespans: registered, bound to arguments by their types, and run."""
