"""A student predicts what a teacher, or its own other branch, makes of another view."""
