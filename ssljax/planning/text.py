"""Plans as text for people."""

from collections.abc import Iterable, Sequence

from ssljax.planning.plan import Plan

BOUNDS = {"compute": "FLOPs", "memory": "HBM bytes", "network": "collective bytes"}


def flags(plan: Plan) -> str:
    """Return the settings of a plan as arguments of the command line."""
    return " ".join(f"--config.{key}={value}" for key, value in plan.settings.items())


def describe(plan: Plan) -> str:
    """Return all that a plan says."""
    mesh = " x ".join(f"{axis} {size}" for axis, size in plan.mesh.items())
    lines = [
        f"{plan.topology}: {plan.chips:,} chips, mesh {mesh}, batch {plan.batch_size:,}, "
        f"compiled in {plan.compile_seconds:.0f} s ({plan.compile_cpu_seconds:.0f} s of a core)"
    ]
    if plan.settings:
        lines.append(f"with {flags(plan)}")
    lines += ["", *_state(plan), "", _memory(plan)]
    if plan.flops is not None:
        lines += ["", *_work(plan), "", *_network(plan), "", *_time(plan)]
    return "\n".join(lines)


def _state(plan: Plan) -> Iterable[str]:
    rows = [("state", "numbers", "whole", "per chip")]
    for part in plan.parts:
        whole, held = _gib(part.nbytes), _gib(part.per_chip)
        rows.append((part.name, _count(part.elements), whole, held))
    return columns(rows)


def _memory(plan: Plan) -> str:
    memory = plan.memory
    room = memory.capacity - memory.peak
    verdict = f"fits, {_gib(room)} to spare" if memory.fits else f"does not fit, by {_gib(-room)}"
    known = f"state {_gib(memory.state)}, batch {_gib(memory.batch)}"
    if memory.temporaries is not None:
        known += f", temporaries {_gib(memory.temporaries)}"
    return (
        f"memory per chip: {known}; peak {_gib(memory.peak)} of {_gib(memory.capacity)}: {verdict}"
    )


def _work(plan: Plan) -> Iterable[str]:
    line = plan.roofline
    amounts = {
        "compute": f"{_si(plan.flops)}FLOP",
        "memory": "not counted" if plan.hbm_bytes is None else f"{_si(plan.hbm_bytes)}B",
        "network": f"{_si(plan.sent)}B",
    }
    rows = [("per step and chip", "amount", "at its peak" if line else "")]
    for name, amount in amounts.items():
        seconds = getattr(line, name, None)
        longest = "  <- the longest" if line and line.bound == name else ""
        rows.append((BOUNDS[name], amount, "" if seconds is None else _ms(seconds) + longest))
    yield from columns(rows)
    if plan.unknown_loops:
        yield f"{plan.unknown_loops} loops do not tell how often they run and count once"


def _network(plan: Plan) -> Iterable[str]:
    rows = [("collective", "of", "chips", "a step", "sent per chip")]
    for one in plan.exchanges:
        counts = f"{one.chips:,}", f"{one.count:,}"
        rows.append((one.kind, one.dtype, *counts, f"{_si(one.sent)}B"))
    yield from columns(rows)
    ratio = f" ({plan.sent / plan.least:.2f} times)" if plan.least else ""
    yield (
        f"in all {_si(plan.sent)}B{ratio}; parameters and their gradients need {_si(plan.least)}B"
    )


def _time(plan: Plan) -> Iterable[str]:
    model = f"model FLOPs of a step, over all chips: {_si(plan.model_flops)}FLOP"
    if not plan.roofline:
        yield f"{model}. A CPU has no published peaks: no time follows"
        return
    without = " without HBM bytes" if plan.hbm_bytes is None else ""
    yield (
        f"{model}; MFU at most {plan.mfu:.2f}, an estimate{without}: the step at the roofline "
        f"takes {_ms(plan.roofline.seconds)}, bound by {BOUNDS[plan.roofline.bound]}"
    )
    yield (
        f"{plan.examples_per_second:,.0f} examples a second; the whole run {plan.hours:,.1f} "
        f"hours, {plan.chip_hours:,.0f} chip-hours"
    )


def table(plans: Sequence[Plan]) -> str:
    """Return a line for each plan."""
    head = "topology", "chips", "batch", "peak", "fits", "FLOP", "HBM B", "sent B", "of least"
    rows = [(*head, "step", "bound by", "MFU", "examples/s", "hours", "chip-hours")]
    for plan in plans:
        memory = plan.memory
        row = [plan.topology, f"{plan.chips:,}", f"{plan.batch_size:,}", _gib(memory.peak)]
        row.append("yes" if memory.fits else f"no, by {_gib(memory.peak - memory.capacity)}")
        if plan.flops is not None:
            moved = "-" if plan.hbm_bytes is None else _si(plan.hbm_bytes)
            row += [_si(plan.flops), moved, _si(plan.sent)]
            row += [f"{plan.sent / plan.least:.2f}" if plan.least else "-"]
        if plan.roofline:
            row += [_ms(plan.roofline.seconds), BOUNDS[plan.roofline.bound], f"{plan.mfu:.2f}"]
            row += [f"{plan.examples_per_second:,.0f}", f"{plan.hours:,.1f}"]
            row += [f"{plan.chip_hours:,.0f}"]
        rows.append((*row, *["-"] * (len(rows[0]) - len(row))))
    return "\n".join(columns(rows))


def trials(plans: Sequence[Plan]) -> str:
    """Return a line for each setting that was tried."""
    rows = [("tried", "peak", "")]
    for plan in plans:
        verdict = "fits" if plan.memory.fits else "does not fit"
        rows.append((flags(plan) or "as it is", _gib(plan.memory.peak), verdict))
    return "\n".join(columns(rows))


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with the cells of rows under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _gib(nbytes: float) -> str:
    return f"{nbytes / 2**30:.2f} GiB" if nbytes >= 2**27 else f"{nbytes / 2**20:.2f} MiB"


def _si(amount: float) -> str:
    """Return an amount with four digits and the beginning of its unit: "2.031 T"."""
    for size, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if amount >= size:
            return f"{amount / size:.4g} {prefix}"
    return f"{amount:.4g} "


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.3g} ms"


def _count(number: int) -> str:
    return f"{number / 1e6:,.1f} M" if number >= 1e5 else f"{number:,}"
