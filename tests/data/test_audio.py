"""Sound files: what is decoded, which splits, classes and groups they are of, and what is wrong."""

import numpy as np
import pytest
import soundfile

from ssljax.data import Pipeline, epoch, fields_of, open_source, statistics
from ssljax.data.sound import read_wave, resample, to_int16
from ssljax.errors import UserError
from ssljax.ops.spectrogram import as_wave, spectrogram
from ssljax.spec import Spec, Spectrogram
from tests.data.sounds import tone, write_tones


def opened(folder, query="", **options):
    return open_source(f"audio:{folder}{query}", **options)


def test_waves_are_those_of_the_files(tmp_path):
    samples = np.array([0, 1, -1, 32767, -32768, 5], np.int16)
    for name, form in (("a.wav", "PCM_16"), ("b.flac", "PCM_16"), ("c.wav", "PCM_24")):
        soundfile.write(tmp_path / name, samples, 8000, subtype=form)
    source = opened(tmp_path)
    field = source.fields["audio"]
    assert (field.shape, field.dtype, field.rate) == ((None,), "int16", 8000.0)
    for i in range(3):
        assert source[i]["audio"].dtype == np.int16
        assert source[i]["audio"].tolist() == samples.tolist()
    assert source.names == ["a.wav", "b.flac", "c.wav"] and source.in_memory


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_lossy_formats(tmp_path, suffix):
    wave = tone(440, 8000, 4000)
    soundfile.write(tmp_path / f"a.{suffix}", wave, 8000)
    found = opened(tmp_path)[0]["audio"] / 2**15
    strongest = np.abs(np.fft.rfft(found[:4000])).argmax() * 8000 / 4000
    assert abs(len(found) - 4000) < 1200 and abs(strongest - 440) <= 4


def test_channels_become_their_mean_or_one_of_them(tmp_path):
    both = np.stack([np.full(400, 0.5), np.linspace(-0.5, 0.5, 400)], axis=1)
    both[0, 0] = 0.25  # so that it is no silence
    soundfile.write(tmp_path / "a.wav", both, 8000)
    mean = opened(tmp_path)[0]["audio"]
    np.testing.assert_allclose(mean / 2**15, both.mean(axis=1), atol=2**-15)
    second = opened(tmp_path, "?channel=1")[0]["audio"]
    np.testing.assert_allclose(second / 2**15, both[:, 1], atol=2**-15)
    with pytest.raises(UserError, match=r"a.wav: has 2 channel\(s\), and channel 2 is asked for"):
        opened(tmp_path, "?channel=2")
    with pytest.raises(UserError, match="channel='x' must be the number of a channel"):
        opened(tmp_path, "?channel=x")


def test_resampling_keeps_tones_and_removes_what_cannot_be_kept():
    low = resample(tone(440, 44_100, 44_100), 44_100, 16_000)
    np.testing.assert_allclose(low[500:-500], tone(440, 16_000, 16_000)[500:-500], atol=1e-3)
    high = resample(tone(12_000, 44_100, 44_100), 44_100, 16_000)
    assert np.abs(high[500:-500]).max() < 1e-3
    assert to_int16(np.array([1.5])) == 2**15 - 1  # no wrap


def test_files_of_several_rates_need_one(tmp_path):
    write_tones(tmp_path, {"a.wav": (440, 8000), "b.wav": (440, 8000), "c.wav": (440, 16_000)})
    with pytest.raises(UserError, match=r"1 of 3 .* c.wav: has 16000 .* write audio:.*\?rate=8000"):
        opened(tmp_path)
    source = opened(tmp_path, "?rate=16000")
    assert source.fields["audio"].rate == 16_000 and len(source[0]["audio"]) == 8000
    with pytest.warns(UserWarning, match="left out 1 of 3 sound files"):
        assert len(opened(tmp_path, broken="skip")) == 2
    with pytest.raises(UserError, match="rate='16k' must be samples per second"):
        opened(tmp_path, "?rate=16k")


def test_splits_classes_and_groups(tmp_path):
    files = [
        f"{s}/{c}/{w}/{n}.wav" for s in ("train", "test") for c in "ab" for w in "xy" for n in "12"
    ]
    write_tones(tmp_path, dict.fromkeys(files, (440, 8000)))
    source = opened(tmp_path, split="test")
    assert len(source) == 8 and source.class_names == ("a", "b")
    assert source.groups.tolist() == ["x", "x", "y", "y"] * 2
    by_path = opened(tmp_path, "?label=3&group=1")
    assert by_path.class_names == ("1", "2") and by_path.groups.tolist() == ["a"] * 4 + ["b"] * 4
    assert [by_path[i]["label"] for i in range(8)] == [0, 1] * 4
    with pytest.raises(UserError, match=r"label=4, and the path 'a/x/1.wav' has 3 part\(s\)"):
        opened(tmp_path, "?label=4")


def test_an_expression_finds_classes_in_all_splits(tmp_path):
    names = {"train/anna_yes.wav": 1, "train/ben_no.wav": 1, "test/carl_maybe.wav": 1}
    write_tones(tmp_path, dict.fromkeys(names, (440, 8000)))
    query = "?label=_(%5Ba-z%5D%2B)$&group=^(.*)_"
    source = opened(tmp_path, query)
    assert source.class_names == ("maybe", "no", "yes") and source.groups.tolist() == [
        "anna",
        "ben",
    ]
    assert [source[i]["label"] for i in range(2)] == [2, 1]
    for pattern, message in (
        ("label=yes", "needs a group in brackets"),
        ("label=(", "is no regular expression"),
        ("group=(x)", "is not found in 'anna_yes'"),
        ("labels=1", "unknown option of a audio: source 'labels'; did you mean 'label'"),
    ):
        with pytest.raises(UserError, match=message):
            opened(tmp_path, f"?{pattern}")


@pytest.mark.parametrize("limit", [2**30, 100])
def test_bad_files_are_refused_by_name_or_left_out(tmp_path, limit):
    write_tones(tmp_path, {"a.wav": (440, 8000), "b.wav": (880, 8000)})
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.ogg").write_bytes(b"no sound at all")
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.int16), 8000)
    soundfile.write(tmp_path / "z_silent.wav", np.zeros(800, np.int16), 8000)
    with pytest.raises(UserError, match=r"of 6 .* empty.wav: empty; none.wav: has no sample; text"):
        opened(tmp_path, memory_limit=limit)
    with pytest.warns(UserWarning, match="left out"):
        source = opened(tmp_path, broken="skip", memory_limit=limit)
    if limit > 100:
        assert source.names == ["a.wav", "b.wav"] and "z_silent.wav" not in source.names
        assert "4 of 6" in source.report
    else:  # a silent file is found when it is read
        assert source.names == ["a.wav", "b.wav", "z_silent.wav"] and not source.in_memory
        with pytest.raises(UserError, match="z_silent.wav of .* silent: all of its 800 samples"):
            source[2]


def test_a_set_read_on_demand_is_the_one_in_memory(tmp_path):
    files = {f"{c}/{n}.wav": (300 + 100 * n, 8000) for c in "ab" for n in range(3)}
    write_tones(tmp_path, files)
    held, read = opened(tmp_path), opened(tmp_path, memory_limit=10)
    assert held.in_memory and not read.in_memory
    assert held.fingerprint() == read.fingerprint()
    for one, two in zip(
        Pipeline(held, 3, 4, length=500).iterate(0, 3),
        Pipeline(read, 3, 4, length=500).iterate(0, 3),
        strict=True,
    ):
        np.testing.assert_array_equal(one["audio"], two["audio"])
    found = next(iter(epoch(read, 6, length=500, labels=True)))
    assert found["label"].tolist() == [0, 0, 0, 1, 1, 1]


def test_windows_are_a_function_of_the_step_and_evaluation_takes_the_middle(tmp_path):
    ramp = np.arange(1, 1001, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", ramp, 8000)
    soundfile.write(tmp_path / "b.wav", ramp[:300], 8000)
    source = opened(tmp_path)
    pipeline = Pipeline(source, 0, 2, length=400)
    batches = [pipeline.batch(step) for step in range(20)]
    starts = set()
    for step, batch in enumerate(batches):
        np.testing.assert_array_equal(batch["audio"], pipeline.batch(step)["audio"])
        for wave, number in zip(batch["audio"], batch["id"], strict=True):
            if number == 0:
                starts.add(int(wave[0]))
                np.testing.assert_array_equal(wave, np.arange(wave[0], wave[0] + 400))
            else:
                assert wave[:300].tolist() == ramp[:300].tolist() and not wave[300:].any()
    assert len(starts) > 10 and min(starts) >= 1 and max(starts) <= 601
    half = Pipeline(source, 0, 2, rows=[1], length=400).batch(3)
    np.testing.assert_array_equal(half["audio"][0], batches[3]["audio"][1])
    middle = next(iter(epoch(source, 2, length=400)))["audio"]
    assert middle.dtype == np.int16 and middle[0, 0] == 301 and middle[1, 299] == 300


def test_the_fingerprint_is_of_content_options_and_files_left_out(tmp_path):
    write_tones(tmp_path, {"a.wav": (440, 8000), "b.wav": (880, 8000)})
    first = opened(tmp_path).fingerprint()
    assert opened(tmp_path).fingerprint() == first
    assert opened(tmp_path, "?rate=16000").fingerprint()["content"] != first["content"]
    write_tones(tmp_path, {"b.wav": (660, 8000)})
    assert opened(tmp_path).fingerprint()["content"] != first["content"]


class Section(dict):
    __getattr__ = dict.__getitem__


def data(**keys):
    return Section({"image_size": 0, "length": 0, "labels": False, **keys})


def test_statistics_are_by_band_of_what_evaluation_shows(tmp_path):
    write_tones(tmp_path, {"a.wav": (440, 8000), "b.wav": (1200, 8000)})
    source = opened(tmp_path)
    form = {"bands": 8, "window": 200, "hop": 80}
    fields = fields_of(source, data(length=1600, sound="log_mel", spectrogram=form))
    mean, std = statistics(source, fields=fields)["audio"]
    waves = [as_wave(source[i]["audio"][1200:2800]) for i in range(2)]
    made = spectrogram(np.stack(waves), rate=8000.0, form=Spectrogram(**form)).astype(np.float64)
    np.testing.assert_allclose(mean, made.mean(axis=(0, 1)), rtol=1e-6)
    np.testing.assert_allclose(std, made.std(axis=(0, 1)), rtol=1e-4)
    waves = fields_of(source, data(length=1600, sound="wave"))
    assert [one.tolist() for one in statistics(source, fields=waves)["audio"]] == [[0], [1]]
    spec = Spec(fields, 2)
    assert Spec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "set config.data.length, such as 8000"),
        ({"length": 100}, "length=100 samples are shorter than a frame of .*window=400"),
        ({"length": 4000, "spectrogram": {"high": 5000.0}}, "below half of the 8000 samples"),
        ({"length": 4000, "spectrogram": {"fft": 256}}, "fft=256 must be at least window=400"),
        ({"length": 4000, "sound": "wave", "spectrogram": {"hop": 80}}, "shows waves"),
        ({"length": 4000, "sound": "mfcc", "spectrogram": {"bands": 8}}, "coefficients=13 must"),
        ({"length": 4000, "spectrogram": {"hops": 8}}, "unknown config key .*spectrogram.hops"),
    ],
)
def test_a_form_that_does_not_suit_the_sounds_is_refused(tmp_path, keys, message):
    write_tones(tmp_path, {"a.wav": (440, 8000)})
    with pytest.raises(UserError, match=message):
        fields_of(opened(tmp_path), data(**keys))


def test_values_that_are_no_numbers_are_refused(tmp_path):
    wave = np.full(100, np.nan, np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 8000, subtype="FLOAT")
    with pytest.raises(ValueError, match="no finite numbers"):
        read_wave((tmp_path / "a.wav").read_bytes())
    with pytest.raises(UserError, match="a.wav: holds values that are no finite numbers"):
        opened(tmp_path)
