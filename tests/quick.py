"""XLA's flags for tests: hundreds of programs are compiled and each runs for milliseconds."""

import importlib.metadata

_JAX = tuple(map(int, importlib.metadata.version("jaxlib").split(".")[:2]))
# Not optimising programs, and making fusions without MLIR, takes a third of the time. The latter
# can no longer be chosen from jaxlib 0.11 on, which ends a process that sets an unknown flag.
FLAGS = "--xla_backend_optimization_level=0" + (
    " --xla_cpu_use_fusion_emitters=false" if _JAX < (0, 11) else ""
)
