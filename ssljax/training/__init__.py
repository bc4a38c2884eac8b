"""The train step and what keeps it going: state, mesh, optimizer, checkpoints, hosts, the loop."""
