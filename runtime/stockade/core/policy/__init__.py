"""Who may do what, pure: capabilities resolved once to flat tables, decided per call, each answer with its origin."""
