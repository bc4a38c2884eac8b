"""A scaling plot: examples a second against chips, both on logarithmic axes."""

import importlib.util
import io
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ssljax.errors import UserError
from ssljax.files import write_atomically
from ssljax.planning.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")


def require_plottable(path: pathlib.Path) -> None:
    """Check, before plans are computed for minutes, that a plot of them can be written.

    Raises:
      UserError: another format than svg, png and pdf, or Matplotlib is not installed.
    """
    if path.suffix.removeprefix(".").lower() not in FORMATS:
        raise UserError(f"--plot {path}: give a file that ends in .{', .'.join(FORMATS)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError(
            "plots need Matplotlib, which is not installed: run pip install -e '.[plan]' in the "
            "folder of ssljax's setup.py, or leave --plot out"
        )


def scaling_plot(plans: Sequence[Plan], title: str) -> "Figure":
    """Return a figure with a line for each kind of chip, dashed where it would go if it scaled.

    Args:
      plans: those without a time (CPUs, and what does not fit) are left out.
      title: above the plot.
    """
    from matplotlib.figure import Figure  # here, as all else of `plan` works without it
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel="chips", ylabel="examples/s at the roofline")
    timed = sorted((plan for plan in plans if plan.roofline), key=lambda plan: plan.chips)
    if not timed:
        axes.text(0.5, 0.5, "no plan has a time", ha="center", transform=axes.transAxes)
        return figure
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.margins(0.12)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    kinds = dict.fromkeys(plan.topology.rpartition(":")[0] for plan in timed)
    for kind in kinds:
        own = [plan for plan in timed if plan.topology.rpartition(":")[0] == kind]
        chips = [plan.chips for plan in own]
        (line,) = axes.plot(chips, [plan.examples_per_second for plan in own], "o-", label=kind)
        per_chip = own[0].examples_per_second / own[0].chips
        axes.plot(chips, [n * per_chip for n in chips], "--", color=line.get_color(), zorder=1)
        for plan in own:
            at = (plan.chips, plan.examples_per_second)
            axes.annotate(f"MFU {plan.mfu:.2f}", at, (6, -12), textcoords="offset points", size=8)
    axes.grid(color="0.9")
    axes.legend(title="dashed: as if it scaled", loc="upper left")
    return figure


def write_plot(plans: Sequence[Plan], title: str, path: pathlib.Path) -> None:
    """Write the plot of `scaling_plot`, in the format that the name of the file ends in.

    Raises:
      UserError: see `require_plottable`; or the file cannot be written.
    """
    require_plottable(path)
    content = io.BytesIO()
    figure = scaling_plot(plans, title)
    figure.savefig(content, format=path.suffix.removeprefix(".").lower(), dpi=150)
    write_atomically(path, content.getvalue())
