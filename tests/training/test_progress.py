"""What a run shows: lines in a file, a bar on a terminal, nothing where it is not wanted."""

import pytest

from ssljax.training import progress
from ssljax.training.config import default_config


def _shown(monkeypatch, *, terminal=False, **changes):
    """Run a progress over 6 steps of 8 images, one second each, from the second on."""
    clock = iter(range(100))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: terminal, raising=False)
    config = default_config()
    config.steps, config.batch_size, config.log_every = 6, 8, 2
    config.update(changes)
    shown = progress.Progress(1, config)
    for step in range(2, 7):
        shown.advance(step)
        shown.rate(step)
        shown.show(loss=1 / step)
        if step == 4:
            shown.show_scores({"knn": 0.875, "rankme": 3.0})
    shown.close()


def test_a_file_gets_a_line_every_so_often_with_the_time_left_and_the_scores(monkeypatch, capsys):
    _shown(monkeypatch)
    out, err = capsys.readouterr()
    assert not out and "\r" not in err
    assert err.splitlines() == [
        "step 2/6: loss 0.5000, 8 examples/s, 00:04 left",
        "step 4/6: loss 0.2500, 8 examples/s, 00:02 left",
        "step 4/6: k-NN 87.5%, of a part of the training split",
        "step 6/6: loss 0.1667, 8 examples/s, 00:00 left",
    ]


def test_a_terminal_gets_a_bar_with_the_scores(monkeypatch, capsys):
    _shown(monkeypatch, terminal=True)
    err = capsys.readouterr().err
    assert "\r" in err and "step 2/6" not in err
    assert "step 4/6: k-NN 87.5%, of a part of the training split\n" in err
    assert "6/6" in err and "loss 0.1667" in err and "k-NN 87.5%" in err


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_is_shown_where_it_is_not_wanted(terminal, monkeypatch, capsys):
    _shown(monkeypatch, terminal=terminal, progress=False)
    assert capsys.readouterr() == ("", "")
