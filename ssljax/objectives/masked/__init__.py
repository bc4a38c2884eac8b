"""What is hidden is predicted from what is seen: pixels, codes or features."""
