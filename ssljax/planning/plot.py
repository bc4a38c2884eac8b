"""A scaling plot as SVG: examples a second against chips, both on logarithmic axes."""

import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from ssljax.planning.plan import Plan

WIDTH, HEIGHT = 720, 480
LEFT, RIGHT, TOP, BOTTOM = 90, 170, 40, 60
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7d5ba6", "#b8860b")


def scaling_plot(plans: Sequence[Plan], title: str) -> str:
    """Return an SVG with a line for each kind of chip, dashed where it would go if it scaled.

    Args:
      plans: those without a time (CPUs, and what does not fit) are left out.
      title: above the plot.
    """
    timed = sorted((plan for plan in plans if plan.roofline), key=lambda plan: plan.chips)
    if not timed:
        return _svg([_text(WIDTH / 2, HEIGHT / 2, "no plan has a time", "middle")])
    axes = _Axes(
        _span([plan.chips for plan in timed]), _span([plan.examples_per_second for plan in timed])
    )
    parts = [_text(WIDTH / 2, 24, title, "middle"), *axes.draw()]
    kinds = dict.fromkeys(plan.topology.rpartition(":")[0] for plan in timed)
    for number, kind in enumerate(kinds):
        of_kind = [plan for plan in timed if plan.topology.rpartition(":")[0] == kind]
        parts += _series(axes, kind, of_kind, COLOURS[number % len(COLOURS)])
    return _svg(parts)


class _Axes:
    """Places numbers on the page."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]):
        self.x, self.y = x, y

    def at(self, chips: float, rate: float) -> tuple[float, float]:
        """Return where a point lies."""
        x, y = (
            (math.log10(value) - low) / (high - low)
            for value, (low, high) in ((chips, self.x), (rate, self.y))
        )
        return LEFT + x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM)

    def draw(self) -> Iterable[str]:
        """Yield a grid with numbers."""
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for chips in (2**power for power in range(20)):
            if self.x[0] <= math.log10(chips) <= self.x[1]:
                x, _ = self.at(chips, 10 ** self.y[0])
                yield _line([(x, TOP), (x, bottom)], "#ddd")
                yield _text(x, bottom + 18, f"{chips:,}", "middle")
        for rate in (step * 10**power for power in range(12) for step in (1, 2, 5)):
            if self.y[0] <= math.log10(rate) <= self.y[1]:
                _, y = self.at(10 ** self.x[0], rate)
                yield _line([(LEFT, y), (right, y)], "#ddd")
                yield _text(LEFT - 8, y + 4, f"{rate:,}", "end")
        yield _text((LEFT + right) / 2, HEIGHT - 14, "chips", "middle")
        yield _text(LEFT - 8, TOP - 8, "examples/s at the roofline", "start")


def _series(axes: _Axes, kind: str, plans: Sequence[Plan], colour: str) -> Iterable[str]:
    points = [axes.at(plan.chips, plan.examples_per_second) for plan in plans]
    per_chip = plans[0].examples_per_second / plans[0].chips
    ends = [axes.at(plan.chips, plan.chips * per_chip) for plan in (plans[0], plans[-1])]
    yield _line(ends, colour, dashed=True)
    yield _line(points, colour)
    for (x, y), plan in zip(points, plans, strict=True):
        label = escape(f"{plan.topology}: {plan.examples_per_second:,.0f}/s, MFU {plan.mfu:.2f}")
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}">'
        yield f"<title>{label}</title></circle>"
    x, y = points[-1]
    yield _text(x + 10, y + 4, kind, "start", colour)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Return the decimal logarithms of the ends of an axis, a little beyond the values."""
    return math.log10(min(values)) - 0.15, math.log10(max(values)) + 0.15


def _line(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#222") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(text)}</text>"


def _svg(parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
