"""Which algorithm runs, and the plan that runs it."""
