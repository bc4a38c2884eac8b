"""An example agrees with itself under another view, against other examples."""
