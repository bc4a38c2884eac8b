"""An example predicts its label: fine-tuning, linear probes, training from scratch."""
