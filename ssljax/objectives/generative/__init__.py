"""The input is made again, or made up, from a code."""
