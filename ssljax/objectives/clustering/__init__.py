"""An example is assigned to a cluster or prototype, which its other views predict."""
