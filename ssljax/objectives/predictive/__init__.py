"""A question whose answer is known without labels: a rotation, a place, a colour."""
