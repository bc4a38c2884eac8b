"""Recorded values of every small experiment, by which a rewrite shows that it changed no number."""
