"""Views agree, and the dimensions of their features share no information."""
