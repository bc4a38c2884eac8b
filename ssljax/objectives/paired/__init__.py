"""Objectives of examples with several fields, such as image and text: an encoder for each."""
