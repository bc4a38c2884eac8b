"""`--config.KEY=VALUE`: how values are read, which keys there are, and how methods are switched."""

import pytest
from ml_collections import ConfigDict

from ssljax.commands.config_file import keys_of, load, override
from ssljax.commands.explained import explained
from ssljax.errors import UserError
from ssljax.training.config import complete
from tests.experiments.configs import ROOT
from tests.objectives.cases import config_of

FILE = """
from ml_collections import ConfigDict

def get_config():
    return ConfigDict({
        "encoder": {"name": "resnet", "stage_sizes": (1,), "width": 8},
        "objective": {
            "name": "simclr", "temperature": 0.2, "projector_hidden": (32,),
            "views": {"crop": {"count": 2, "flip": 0.5}},
        },
    })
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    return str(tmp_path / "mine.py")


def set_(config, *pairs):
    return override(complete(config), [f"--config.{pair}" for pair in pairs])


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("steps=5", 5),
        ("progress=false", False),
        ("progress=True", True),
        ("data.source=npz:1", "npz:1"),
        ("data.folder=1", "1"),  # of a key of text it is what stands there
        ("data.host_crop=.5,1", (0.5, 1.0)),
        ("data.host_crop=()", ()),
        ("profile=[3, 4]", (3, 4)),
        ("optimizer.learning_rate=1", 1.0),
        ("optimizer.milestones=(3, 4)", (3, 4)),
        ("encoder.name=vit_s", "vit_s"),
        ("objective.temperature=0.3", 0.3),
        ("objective.views.crop.hue=0.1", 0.1),
        ("objective.views.small.count=2", 2),
        ("objective.views=byol", "byol"),
    ],
)
def test_values_are_read_as_the_type_of_their_key(pair, value):
    config = {"objective": {"name": "simclr", "views": {"crop": {"count": 2}}}}
    found = set_(config, pair)
    for name in pair.partition("=")[0].split("."):
        found = found[name]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("setps=3", "unknown config key 'setps'; did you mean 'steps'"),
        ("temperature=1", "did you mean 'objective.temperature'. Keys of config: accumulate"),
        ("optimizer.rate=1", "unknown config key 'optimizer.rate'.* Keys of config.optimizer: b1"),
        ("encoder.depth=3", "unknown config key 'encoder.depth'.* Keys of config.encoder: block,"),
        ("encoder.parent=3", "unknown config key 'encoder.parent'"),
        ("objective.run=3", "unknown config key 'objective.run'"),
        ("steps.few=3", "steps is no section"),
        ("steps", "--config.steps has no value; write --config.steps=VALUE"),
        ("mesh=3", "mesh is a section; set its keys, such as --config.mesh.data"),
        ("steps=ten", "config.steps='ten' is of type str; it must be int"),
        ("optimizer.eps=nan", "config.optimizer.eps=nan; it must be a finite number"),
        ("encoder={'name': 'vit'}", "give a name, such as --config.encoder=resnet18, and its fiel"),
        ("encoder=", "give a name"),
        ("encoder.name=resnet19", "unknown encoder 'resnet19'; did you mean 'resnet18'"),
        ("objective.views.crop.flip=0", "objective.views is not written out in the config"),
    ],
)
def test_what_cannot_be_set_is_told_in_a_line(pair, message):
    with pytest.raises(UserError, match=message) as raised:
        set_({}, pair)
    assert "\n" not in str(raised.value)


def test_what_is_no_override_is_refused():
    with pytest.raises(UserError, match="unknown argument 'steps=3'; a config key is set by"):
        override(complete({}), ["steps=3"])


@pytest.mark.parametrize("pair", ["objective.name=byol", "objective=byol"])
def test_a_method_is_switched_with_the_fields_that_it_has_too(pair, file, capsys):
    config = load(file, [f"--config.{pair}", "--config.objective.momentum=0.9"])
    views = {"crop": {"count": 2, "flip": 0.5}}
    assert config.objective.to_dict() == {
        "name": "byol", "projector_hidden": (32,), "views": views, "momentum": 0.9
    }  # fmt: skip
    said = "config.objective.name=byol instead of simclr: dropped temperature of the file\n"
    assert capsys.readouterr().err == said


def test_an_encoder_is_switched_as_a_whole(file, capsys):
    config = load(file, ["--config.encoder.width=192", "--config.encoder=vit_ti"])
    assert config.encoder.to_dict() == {"name": "vit_ti", "width": 192}
    assert "instead of resnet: dropped stage_sizes, width of the file" in capsys.readouterr().err


def test_the_same_name_changes_nothing(file, capsys):
    names = ["--config.encoder.name=resnet", "--config.objective=simclr"]
    assert load(file, names).to_dict() == load(file, []).to_dict()
    assert not capsys.readouterr().err


def test_tasks_of_combined_methods_have_keys_too():
    config = complete(config_of("combine"))
    name = next(iter(config.objective.tasks))
    known = keys_of(config.to_dict())
    assert {f"objective.tasks.{name}.name", f"objective.tasks.{name}.views"} <= {*known}
    with pytest.raises(UserError, match=f"unknown config key 'objective.tasks.{name}.widht'"):
        set_(config, f"objective.tasks.{name}.widht=3")


def test_values_that_do_not_fit_each_other_are_refused_as_the_file_is_read(file):
    with pytest.raises(UserError, match="optimizer.warmup_steps is 2000: .* below the 1000 steps"):
        load(file, ["--config.optimizer.warmup_steps=2000"])


def test_the_config_itself_is_left_as_it_was():
    config = complete(ConfigDict({"objective": {"name": "simclr", "views": {"crop": {}}}}))
    before = config.to_dict()
    set_(config, "objective.views.crop.flip=0.5", "steps=3")
    assert config.to_dict() == before


def test_the_encoder_of_a_further_field_is_named_and_changed_as_the_first_is(capsys):
    file = str(ROOT / "experiments/pairs/small/clip_emoji_resnet.py")
    config = load(file, ["--config.encoders.text.width=32", "--config.encoders.text.depth=1"])
    assert (config.encoders.text.width, config.encoders.text.depth) == (32, 1)
    with pytest.raises(UserError, match="did you mean 'encoders.text.width'"):
        load(file, ["--config.encoders.text.widht=32"])
    other = load(
        file, ["--config.encoders.text=vit_ti", "--config.encoders.sound=wave_transformer"]
    )
    assert other.encoders.text.to_dict() == {"name": "vit_ti"}
    assert other.encoders.sound.to_dict() == {"name": "wave_transformer"}
    assert "config.encoders.text.name=vit_ti instead of text_transformer" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["pairs/small/clip_emoji_resnet", "table/small/mae_adult_transformer"]
)
def test_the_explained_config_of_an_encoder_that_the_data_complete_can_be_loaded(name, tmp_path):
    config = load(str(ROOT / f"experiments/{name}.py"), [])
    (tmp_path / "explained.py").write_text(explained(config, name))
    load(str(tmp_path / "explained.py"), [])
