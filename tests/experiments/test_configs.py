"""Every config of the repository is built at full size and its train step traced, on 8 devices.

Nothing is computed: parameters of any size exist as shapes only.
"""

import ast
import functools
import gc
import importlib
import re

import jax
import jax.numpy as jnp
import pytest

from experiments.audio.paper import spectrograms
from experiments.text.paper import common as texts
from ssljax.data import KNOWN
from ssljax.objectives import OBJECTIVES, objective_class
from ssljax.objectives.paired.pair import Paired
from ssljax.training.experiment import build
from tests.experiments.configs import CONFIGS, FILES, ROOT, config_of, spec_of

SMALL_CONSTANTS = 1 << 16  # bytes: tables of positions or permutations


def _bytes_beside(known: set[int]) -> int:
    """Return the bytes of the arrays that are alive and not known."""
    return sum(array.nbytes for array in jax.live_arrays() if id(array) not in known)


def _bytes(tree) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _shapes(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)


@pytest.mark.recipes
@pytest.mark.parametrize("spec", CONFIGS)
def test_the_full_size_step_of_every_config_traces_without_allocating(spec):
    assert len(jax.devices()) == 8
    config = config_of(spec)
    before = jax.live_arrays()  # held, so that none of their names is given to another
    known = set(map(id, before))
    built = build(config, spec=spec_of(config))
    state = built.abstract_state
    after, metrics = built.trace_step().out_info
    assert _shapes(after) == _shapes(state)  # so that the next step is the same program
    assert metrics["loss"].shape == () and metrics["loss"].dtype == jnp.float32
    for name, value in metrics.items():
        assert name == "nonfinite" or value.shape == (), name  # what is logged is a scalar

    run = built.objective.run
    evaluated = run.spec.replace(**built.output.fields).batch(config.batch_size)
    features = jax.eval_shape(built.embed, state.params, state.objective_state, evaluated)
    assert features.shape[0] == config.batch_size and features.ndim == 2
    assert features.dtype == jnp.float32

    allowed = max(SMALL_CONSTANTS, _bytes(state.params) // 50)
    if _bytes_beside(known) > allowed:
        gc.collect()  # takes long, and is seldom needed
    assert _bytes_beside(known) <= allowed


@pytest.mark.parametrize("folder", ["experiments", "benchmarks"])
def test_every_module_finds_what_it_imports(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            assert error.name == "torch"  # a peer that benchmarks compare with


@pytest.mark.parametrize("path", FILES)
def test_every_config_says_how_to_run_it(path):
    text = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    lines = text.replace("\\\n", " ")  # of a command that goes on in the next line
    command = r"python -m ssljax (?:pretrain|finetune +--init-from \S+(?: +--encoder \w+)?)"
    commands = re.findall(rf"{command} +--config (\S+) +--workdir \S+", lines)
    assert path in [command.partition(":")[0] for command in commands]


@functools.cache
def _trained() -> set[tuple[str, bool]]:
    """Return (objective, whether it is a paper's recipe) of every config."""
    return {(config_of(path).objective.name, "/paper/" in path) for path in FILES}


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_every_objective_has_a_config_to_run_here_and_its_papers_recipe(objective):
    assert (objective, False) in _trained(), f"no config trains {objective} on a small set"
    cls = objective_class(objective)
    if issubclass(cls, Paired):
        return  # two towers of the papers' sizes serve all of them
    if not cls.reads or "image" in cls.reads:
        assert (objective, True) in _trained(), f"no config states the recipe of {objective}"


def test_the_table_of_known_sets_has_the_sizes_that_recipes_count_steps_by():
    for name, size in (
        (spectrograms.AUDIOSET, spectrograms.AUDIOSET_EXAMPLES),
        (texts.MRPC, texts.MRPC_EXAMPLES),
        (texts.SST2, texts.SST2_EXAMPLES),
    ):
        assert len(KNOWN[name]) == size
