"""Objectives of texts alone: hidden, following, replaced and neighbouring words."""
