"""The sections of a config: every key with its type, its range, its default and a line of help.

`encoder` and `objective` are open: beside their "name" their keys are the fields of the class that
is named, and stand there.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from ssljax.schema import (
    Ascending,
    AtLeast,
    AtMost,
    Count,
    CountOrNone,
    Decay,
    NotEmpty,
    NotNegative,
    Part,
    Pixels,
    PixelsOrNone,
    Positive,
    Seed,
    Share,
    Size,
    Temperature,
)

Text = Annotated[str, NotEmpty()]
Tables = tuple[Mapping[str, Any], ...]
Workers = Annotated[int, AtLeast(0), AtMost(1024)]
Devices = Literal[-1] | Count


@dataclasses.dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes:
      source: KIND:NAME of the data set, see `ssljax list data`
      split: part of it that is trained on
      mixture: sets to mix in: ({"source": .., "weight": batches per batch of source}, ..)
      beside: sets of further fields in the same batches: ({"source": .., "field": ..}, ..)
      image_size: pixels of a side, or (height, width); 0: as images are (mixed sizes need one)
      length: series' steps, sounds' samples, texts' tokens, videos' frames; 0: all; or by field
      stride: of clips of videos: every so many-th frame
      clips: number of clips of each video that a batch holds, for as many views
      sound: what encoders are shown of sounds: "log_mel", "mfcc", or the wave
      spectrogram: fields of a log-mel or mfcc that differ: {"bands": 64, "window": 400, "hop": 160}
      broken: what to do with an image, sound or video file or a text that cannot be read
      tokenizer: bytes, amino_acids, wordpiece:PATH (vocab.txt), json:PATH; "": bytes, or ids as are
      ragged: whether the padding of short series is hidden from encoder and loss
      pack: length of rows of several series or texts, none of which sees another; 0: none
      labels: whether the objective is shown labels; or "group", "letters" (of what is said)
      per_label: examples of each label in a batch, which holds no other (GE2E); 0: as they come
      held_out: part of each class that is left out of training, to score predictions on
      per_class: examples of each class that are trained on; 0: all
      part: of the examples that is trained on, the same of each class
      draw: number of the draw of these examples
      workers: processes that decode; 0: threads
      folder: place of prepared sets; "": $SSLJAX_DATA_DIR or ~/.cache/ssljax/data
      channels: number of them in decoded image files, 1 to 20 (TIFF); arrays keep theirs
      bits: of each channel in decoded image files; arrays keep theirs
      ship: "square": images of image_size, which devices crop; "crops": crops of whole images
      host_crop: least and greatest part of the area, where images are not of image_size; (): none
    """

    source: Text = "sklearn:digits"
    split: Text = "train"
    mixture: Tables = ()
    beside: Tables = ()
    image_size: PixelsOrNone | tuple[Pixels, Pixels] = 0
    length: CountOrNone | Mapping[str, Count] = 0
    stride: Count = 1
    clips: Count = 1
    sound: Literal["log_mel", "mfcc", "wave"] = "log_mel"
    spectrogram: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    broken: Literal["refuse", "skip"] = "refuse"
    tokenizer: str = ""
    ragged: bool = False
    pack: CountOrNone = 0
    labels: bool | Literal["group", "letters"] = False
    per_label: CountOrNone = 0
    held_out: Decay = 0.0
    per_class: CountOrNone = 0
    part: Part = 1.0
    draw: Seed = 0
    workers: Workers = 0
    folder: str = ""
    channels: Annotated[int, AtLeast(1), AtMost(20)] = 3
    bits: Literal[8, 16] = 8
    ship: Literal["square", "crops"] = "square"
    host_crop: Annotated[tuple[()] | tuple[Part, Part], Ascending()] = (0.5, 1.0)


@dataclasses.dataclass(frozen=True)
class MixedIn:
    """One entry of `data.mixture`.

    Attributes:
      source: KIND:NAME of the data set
      weight: batches of it for each batch of `data.source`
    """

    source: Text
    weight: Positive = 1.0


@dataclasses.dataclass(frozen=True)
class SetBeside:
    """One entry of `data.beside`.

    Attributes:
      source: KIND:NAME of the data set
      split: part of it that is trained on
      field: the one that it gives, and no other set; "": all of its fields
    """

    source: Text
    split: Text = "train"
    field: str = ""


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How parameters are changed.

    Attributes:
      name: the rule of the update, see `ssljax list optimizers`
      learning_rate: the peak
      scale_by_batch: the peak times batch_size / 256, its root, or 1
      schedule: form of the learning rate after the warm-up
      warmup_steps: steps in which the learning rate rises to its peak
      warmup_init_scale: first learning rate of the warm-up, as a part of the peak
      final_scale: cosine, linear, wsd, tri_stage: last learning rate, as a part of the peak
      milestones: step: at each of these steps the learning rate is multiplied by gamma
      gamma: step: see milestones
      cooldown_steps: wsd, tri_stage: steps from the peak to the last learning rate
      schedule_length: length of the schedules in lengths of the run; above 1 the run ends first
      weight_decay: coefficient of the weight decay
      final_decay_scale: last weight decay, times the first, along half a cosine; 1: constant
      b1: adamw, lamb: decay of the mean of gradients
      b2: adamw, lamb: decay of the mean of squared gradients
      eps: adamw, lamb: added to the root of the mean square
      momentum: sgd, lars: decay of the sum of gradients
      nesterov: sgd, lars: whether the momentum looks ahead
      trust_coefficient: lars: norm of a layer's step, in norms of the layer
      rate_in_momentum: lars: momentum adds up steps (SimCLR), or adapted gradients (BYOL)
      clip_norm: bound on the norm of the gradient; 0: off
      clip_by: what has one norm: all, each component, or each parameter
      layer_decay: learning rate times this for every layer below the last; 1: off
      param_groups: groups by path, in order: ({"name": .., "match": regex, "weight_decay": ..}, ..)
    """

    name: Literal["adamw", "sgd", "lars", "lamb"] = "adamw"
    learning_rate: Positive = 1e-3
    scale_by_batch: Literal["none", "linear", "sqrt"] = "none"
    schedule: Literal["cosine", "linear", "constant", "step", "wsd", "tri_stage", "rsqrt"] = (
        "cosine"
    )
    warmup_steps: Size = 0
    warmup_init_scale: Share = 0.0
    final_scale: Share = 0.0
    milestones: tuple[Count, ...] = ()
    gamma: Part = 0.1
    cooldown_steps: Size = 0
    schedule_length: Annotated[float, AtLeast(1), AtMost(1000)] = 1.0
    weight_decay: NotNegative = 0.0
    final_decay_scale: NotNegative = 1.0
    b1: Decay = 0.9
    b2: Decay = 0.999
    eps: Positive = 1e-8
    momentum: Decay = 0.9
    nesterov: bool = False
    trust_coefficient: Positive = 0.001
    rate_in_momentum: bool = True
    clip_norm: NotNegative = 0.0
    clip_by: Literal["global", "component", "parameter"] = "global"
    layer_decay: Part = 1.0
    param_groups: Tables = ()


@dataclasses.dataclass(frozen=True)
class Mesh:
    """How arrays are divided over devices.

    Attributes:
      data: devices along the axis of examples; -1: what the other axes leave
      fsdp: devices along the axis of examples over which parameters are cut as well
      tensor: devices over which single layers are cut
      fsdp_min_size: elements; smaller parameters are not cut over fsdp
    """

    data: Devices = -1
    fsdp: Devices = 1
    tensor: Devices = 1
    fsdp_min_size: Size = 2**16


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What is kept of a run.

    Attributes:
      every: steps between checkpoints
      keep_last: how many of the newest are kept
      keep_best: how many of the best k-NN accuracy are kept too (set evaluation.every); 0: none
    """

    every: Count = 500
    keep_last: Count = 2
    keep_best: Size = 0


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How the features are measured.

    Attributes:
      every: steps between quick evaluations during training; 0: none
      final: whether the whole protocol follows the last step
      output: name of the objective's output that is measured; "": its first
      source: KIND:NAME of the data set; "": the one that is trained on
      train_split: split whose labels the probes learn from
      test_split: split on which they are scored; without "test", a fifth of train is held out
      batch_size: examples that are encoded at a time, over all devices
      resize: shorter side of images before the centre crop; 0: the crop's
      size: side of the centre crop that the encoder sees; 0: as in training
      clips: number of clips of each video, evenly spread, whose features are averaged
      crops: squares of each clip along the longer side of its frames, likewise; 1: whole frames
      knn_k: neighbours that vote
      knn_temperature: temperature of the weights of their votes
      few_labels: numbers of labels, such as (100, 1000), to train a linear probe on besides
      probes: which of k-NN and the linear probe are taken
      protocols: further protocols by name, each with its settings, see `ssljax list protocols`
    """

    every: CountOrNone = 0
    final: bool = True
    output: str = ""
    source: str = ""
    train_split: Text = "train"
    test_split: Text = "test"
    batch_size: Count = 500
    resize: PixelsOrNone = 0
    size: PixelsOrNone = 0
    clips: Count = 1
    crops: Count = 1
    knn_k: Count = 20
    knn_temperature: Temperature = 0.07
    few_labels: tuple[Count, ...] = ()
    probes: tuple[Literal["knn", "linear"], ...] = ("knn", "linear")
    protocols: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Config:
    """A run.

    Attributes:
      seed: start of all random numbers of the run
      steps: optimizer steps of the whole run
      batch_size: examples of a step, over all devices and hosts
      accumulate: micro-batches of a step, where the loss does not couple the batch
      data: what is trained on
      encoder: name of the encoder, and fields of it, see `ssljax list encoders`
      encoders: those of further fields, by name: {"text": {"name": "text_transformer", ..}}
      objective: name of the objective, or package.module:Class, and fields of it
      optimizer: how parameters are changed
      init_from: an encoder: ({"workdir": ..},); or parts, with "take" and "put", paths in states
      mesh: how arrays are divided over devices
      sharding_rules: ((path regex, (mesh axis or None, for each dimension)), ..) first
      checkpoint: what is kept
      log_every: steps between lines of metrics.jsonl
      progress: show a progress bar, or lines where there is no terminal
      profile: first step and number of steps to trace into WORKDIR/profile
      evaluation: how the features are measured
    """

    seed: Seed = 0
    steps: Count = 1000
    batch_size: Count = 256
    accumulate: Count = 1
    data: Data = Data()
    encoder: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"name": "resnet18"})
    encoders: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    objective: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"name": "simclr"})
    optimizer: Optimizer = Optimizer()
    init_from: Tables = ()
    mesh: Mesh = Mesh()
    sharding_rules: tuple[tuple[str, tuple], ...] = ()
    checkpoint: Checkpoint = Checkpoint()
    log_every: Count = 20
    progress: bool = True
    profile: tuple[Size, Size] = (0, 0)
    evaluation: Evaluation = Evaluation()
