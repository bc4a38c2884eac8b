"""The hardware that a step can be compiled for without having it: `tpu:v5e:16x16` and the like.

Peaks are those that the makers publish, dense (no sparsity), bfloat16, in one direction:
  TPUs: https://docs.cloud.google.com/tpu/docs/v5e, .../v5p, .../v6e (half of "bidirectional ICI
    bandwidth"; memory as the compiler says that a program may use).
  H100 SXM: NVIDIA H100 Tensor Core GPU datasheet (NVLink 900 GB/s, half of it each way) and DGX
    H100 (ConnectX-7, 400 Gbit/s for each GPU). H200 SXM: the same chip with more and faster memory
    (its datasheet: 141 GB, 4.8 TB/s). A100 SXM 80 GB: its datasheet (NVLink 600 GB/s) and
    DGX A100 (ConnectX-6, 200 Gbit/s for each GPU). Memory as their drivers report it.
"""

import dataclasses
import importlib.util
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ssljax.errors import UserError, how_to_install, unknown

GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Chip:
    """What a maker publishes of one chip.

    Attributes:
      flops: bfloat16 operations a second, dense.
      memory: bytes that a program may use.
      bandwidth: bytes a second from and to that memory.
      link: bytes a second that it sends to others of its slice (ICI) or host (NVLink).
      network: bytes a second that it sends to other hosts, where they have no links.
      per_host: chips of one host where links end at the host, 0 where they do not.
      on_chip: memory spaces of the compiler that are not the chip's main memory.
    """

    flops: float
    memory: float
    bandwidth: float
    link: float
    network: float = math.inf
    per_host: int = 0
    on_chip: tuple[int, ...] = ()


_VMEM = (1, 2, 3, 4)  # vector and scalar memory, semaphores
CHIPS = {
    "v5e": Chip(197e12, 15.75 * GIB, 819e9, 200e9, on_chip=_VMEM),
    "v5p": Chip(459e12, 95.74 * GIB, 2765e9, 600e9, on_chip=_VMEM),
    "v6e": Chip(918e12, 31.25 * GIB, 1638e9, 400e9, on_chip=_VMEM),
    "h100": Chip(989e12, 84_942_979_072, 3352e9, 450e9, 50e9, 8),
    "h200": Chip(989e12, 150_754_820_096, 4800e9, 450e9, 50e9, 8),
    "a100": Chip(312e12, 85_100_068_864, 2039e9, 300e9, 25e9, 8),
}
_PLANES = ("2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
_CUBES = "2x2x1 2x2x2 2x2x4 2x4x4 4x4x4 4x4x8 4x8x8 8x8x8 8x8x16 8x16x16 16x16x16 16x16x24".split()
TPU_SHAPES: dict[str, Sequence[str]] = {"v5e": _PLANES, "v6e": _PLANES, "v5p": _CUBES}
GPUS = ("h100", "h200", "a100")
MOST_HOSTS = 1024
MOST_CPU_DEVICES = 512
# The package of a platform's compiler, and the extra that installs it.
_COMPILERS = {"tpu": ("libtpu", "plan-tpu"), "gpu": ("jax_cuda12_plugin", "plan-gpu")}
USAGE = "tpu:v5e:16x16, gpu:h100:8 (one host), gpu:h100:8x8 (hosts x GPUs of each) or cpu:8"


@dataclasses.dataclass(frozen=True)
class Topology:
    """Chips of one kind and how they are joined.

    Attributes:
      spec: what the user wrote.
      platform: "tpu", "gpu" or "cpu".
      generation: such as "v5e"; "cpu" for a CPU.
      shape: chips along each dimension; (hosts, GPUs of each) for GPUs.
      chip: its peaks; None for a CPU, of which there are none.
    """

    spec: str
    platform: str
    generation: str
    shape: tuple[int, ...]
    chip: Chip | None

    @property
    def size(self) -> int:
        """Return the number of chips."""
        return math.prod(self.shape)

    @property
    def memory(self) -> float:
        """Return the bytes of memory that a program may use on each device."""
        if self.chip:
            return self.chip.memory
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / self.size

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables that the process must have from its start that compiles for it."""
        variables = {"JAX_PLATFORMS": "cpu"}
        if self.platform == "tpu":
            # No machine of the cloud is asked what hardware this is, and others may use libtpu.
            variables |= {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
        if self.platform == "cpu":
            flags = os.environ.get("XLA_FLAGS", "").split()
            flags = [flag for flag in flags if "host_platform_device_count" not in flag]
            variables |= {"XLA_FLAGS": " ".join(flags), "JAX_NUM_CPU_DEVICES": str(self.size)}
        return variables

    @property
    def compiler_options(self) -> dict[str, Any]:
        """Return the options of XLA under which it needs no device."""
        if self.platform != "gpu":
            return {}
        # It may not time its own kernels for products, and cannot tile every product for them
        # untimed, so that all of these are calls of libraries.
        return {"xla_gpu_autotune_level": 0, "xla_gpu_enable_triton_gemm": False}

    @property
    def lowering_platforms(self) -> tuple[str, ...]:
        """Return JAX's name of the platform."""
        return ("cuda",) if self.platform == "gpu" else (self.platform,)

    def require_compiler(self) -> None:
        """Raise a UserError, with what installs it, if this hardware's compiler is not here."""
        module, extra = _COMPILERS.get(self.platform, ("jax", ""))
        if importlib.util.find_spec(module) is None:
            raise UserError(
                f"{self.spec} needs its compiler, which is not installed; install it with: "
                f"{how_to_install(extra)}"
            )

    def devices(self) -> Sequence[Any]:
        """Return the devices, which can be compiled for but not run on, unless they are CPUs.

        The process must have been started with `environment`.
        """
        import jax
        from jax.experimental import topologies

        if self.platform == "cpu":
            return jax.devices("cpu")
        if self.platform == "tpu":
            name = f"{self.generation}:{'x'.join(map(str, self.shape))}"
            return topologies.get_topology_desc(platform="tpu", topology_name=name).devices
        return topologies.get_topology_desc(
            platform="cuda",
            topology_name=self.generation,
            target_config=_TARGETS[self.generation],
            topology="x".join(map(str, (1, *self.shape))),
        ).devices


def parse(spec: str) -> Topology:
    """Return the topology that a user calls `spec`.

    Raises:
      UserError: there is none of that name; the message has the nearest.

    >>> parse("gpu:h100:8x8").size
    64
    """
    platform, _, rest = spec.partition(":")
    if platform == "cpu":
        (size,) = _sizes(spec, rest, dimensions=(1,), limits=(MOST_CPU_DEVICES,))
        return Topology(spec, "cpu", "cpu", (size,), None)
    generation, _, text = rest.partition(":")
    if platform == "gpu" and generation in GPUS:
        sizes = _sizes(spec, text, dimensions=(1, 2), limits=(MOST_HOSTS, 8))
        shape = sizes if len(sizes) == 2 else (1, *sizes)
        return Topology(spec, "gpu", generation, shape, CHIPS[generation])
    if platform == "tpu" and text in TPU_SHAPES.get(generation, ()):
        sizes = tuple(map(int, text.split("x")))
        return Topology(spec, "tpu", generation, sizes, CHIPS[generation])
    raise unknown("topology", spec, known())


def known() -> list[str]:
    """Return the topologies by name, of GPUs and CPUs those of common sizes."""
    tpus = [f"tpu:{name}:{shape}" for name, shapes in TPU_SHAPES.items() for shape in shapes]
    gpus = [f"gpu:{name}:{shape}" for name in GPUS for shape in ("1", "8", "2x8", "8x8", "32x8")]
    return [*tpus, *gpus, "cpu:1", "cpu:8"]


def _sizes(
    spec: str, text: str, *, dimensions: Sequence[int], limits: Sequence[int]
) -> tuple[int, ...]:
    """Return the sizes of "8x8", each at most its limit; the last limits where there are fewer."""
    parts = text.split("x")
    if not all(part.isdecimal() for part in parts) or len(parts) not in dimensions:
        raise UserError(f"topology {spec!r} is not understood; write {USAGE}")
    sizes = tuple(map(int, parts))
    for size, limit in zip(sizes, limits[-len(sizes) :], strict=True):
        if not 1 <= size <= limit:
            raise UserError(f"topology {spec!r}: {size} must be from 1 to {limit}; write {USAGE}")
    return sizes


def _target(*, cores: int, shared: int, fpus: int, l2: int, clock: float, major: int, of: str):
    """Return what XLA must know of a GPU to compile for it: a GpuTargetConfigProto, as text."""
    chip = CHIPS[of]
    return f"""
gpu_device_info {{
  threads_per_block_limit: 1024
  threads_per_warp: 32
  shared_memory_per_block: 49152
  shared_memory_per_core: {shared}
  shared_memory_per_block_optin: {shared - 1024}
  threads_per_core_limit: 2048
  core_count: {cores}
  fpus_per_core: {fpus}
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  memory_bandwidth: {chip.bandwidth:.0f}
  l2_cache_size: {l2}
  clock_rate_ghz: {clock}
  device_memory_size: {chip.memory}
  cuda_compute_capability {{ major: {major} }}
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
}}
runtime_version {{ major: 12 minor: 8 patch: 0 }}
dnn_version_info {{ major: 9 minor: 8 }}
platform_name: "CUDA"
device_description_str: "NVIDIA {of.upper()}"
"""


_HOPPER = {"cores": 132, "shared": 233_472, "fpus": 128, "l2": 50 << 20, "clock": 1.98, "major": 9}
_TARGETS = {
    "h100": _target(**_HOPPER, of="h100"),
    "h200": _target(**_HOPPER, of="h200"),
    "a100": _target(
        cores=108, shared=167_936, fpus=64, l2=40 << 20, clock=1.41, major=8, of="a100"
    ),
}
