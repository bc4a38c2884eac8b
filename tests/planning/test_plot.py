import builtins
import importlib.util
import types
import xml.etree.ElementTree

import numpy as np
import pytest
from PIL import Image

from ssljax.errors import UserError
from ssljax.planning import plot, require_plottable

NEEDS = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None,
    reason="needs Matplotlib: pip install -e '.[plan]'",
)


def _plan(topology, chips, rate, timed=True):
    return types.SimpleNamespace(
        topology=topology, chips=chips, examples_per_second=rate, mfu=0.4, roofline=timed or None
    )


PLANS = [
    _plan("tpu:v5e:16x16", 256, 9_000.0),
    _plan("tpu:v5e:8x8", 64, 3_000.0),
    _plan("gpu:h100:8x8", 64, 12_000.0),
    _plan("gpu:h100:8", 8, 2_000.0),
    _plan("cpu:8", 8, 1.0, timed=False),
]
# By kind of chip: what is drawn, and where it would go if it scaled.
DRAWN = {
    "gpu:h100": ([(8, 2_000), (64, 12_000)], [(8, 2_000), (64, 16_000)]),
    "tpu:v5e": ([(64, 3_000), (256, 9_000)], [(64, 3_000), (256, 12_000)]),
}


@NEEDS
def test_lines_go_through_the_plans_and_dashed_ones_as_if_it_scaled():
    (axes,) = plot.scaling_plot(PLANS, "title").axes
    assert axes.get_title() == "title" and axes.get_xscale() == axes.get_yscale() == "log"
    solid = {line.get_label(): line for line in axes.lines if line.get_linestyle() == "-"}
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert {*solid} == {*DRAWN} and len(dashed) == 2
    for label, (points, scaled) in DRAWN.items():
        np.testing.assert_allclose(solid[label].get_xydata(), points)
        (ideal,) = [x for x in dashed if x.get_color() == solid[label].get_color()]
        np.testing.assert_allclose(ideal.get_xydata(), scaled)


@NEEDS
def test_the_picture_has_every_point_at_its_place(tmp_path):
    """The colour of a line is found in the PNG where its markers have to be."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgb

    plot.write_plot(PLANS, "title", tmp_path / "plot.png")
    image = Image.open(tmp_path / "plot.png")
    image.load()
    pixels = np.asarray(image.convert("RGB"))
    figure = plot.scaling_plot(PLANS, "title")
    figure.set_dpi(150)
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    for line in axes.lines:
        if line.get_linestyle() == "-":
            for x, y in axes.transData.transform(line.get_xydata()):
                found = pixels[len(pixels) - 1 - round(y), round(x)] / 255
                np.testing.assert_allclose(found, to_rgb(line.get_color()), atol=0.02)


@NEEDS
@pytest.mark.parametrize(
    "suffix, start", [("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")]
)
def test_the_name_of_the_file_gives_the_format(suffix, start, tmp_path):
    path = tmp_path / f"plot.{suffix}"
    plot.write_plot(PLANS, "a < b", path)
    assert path.read_bytes().startswith(start)
    if suffix == "svg":
        assert xml.etree.ElementTree.parse(path).getroot().tag.endswith("svg")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@NEEDS
def test_without_a_time_the_plot_says_so():
    (axes,) = plot.scaling_plot(PLANS[-1:], "title").axes
    assert not axes.lines and axes.texts[0].get_text() == "no plan has a time"


def test_another_format_is_refused(tmp_path):
    with pytest.raises(UserError, match="plot.gif: give a file that ends in .svg, .png, .pdf"):
        require_plottable(tmp_path / "plot.gif")


def test_without_matplotlib_the_error_says_what_to_install(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    with pytest.raises(UserError, match=r"pip install -e '.\[plan\]'"):
        require_plottable(tmp_path / "plot.svg")


def test_plans_are_read_without_matplotlib(monkeypatch):
    """All of `ssljax.planning` but the plot is imported and used without it."""
    load = builtins.__import__

    def refuse(name, *args, **options):
        assert not name.startswith("matplotlib")
        return load(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    importlib.reload(plot)
