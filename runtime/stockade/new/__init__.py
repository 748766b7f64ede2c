"""New projects: an application, or a worker in any language that has a stub, with all that it takes to run."""
