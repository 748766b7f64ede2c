"""The trusted core: sockets, policy, command dispatch. Decisions are pure; `link` and `loop` act."""
