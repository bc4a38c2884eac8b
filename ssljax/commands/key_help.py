"""A line of help for every key of a config.

A class explains its fields in its docstring ("Attributes:" or "Args (fields):"). Hyper-parameters
of objectives mean the same in most of them, and are explained here once.
"""

import inspect
import re
from collections.abc import Iterator, Mapping

KEYS: Mapping[str, str] = {
    "adversarial_weight": "weight of the adversarial loss",
    "alignment_weight": "weight of the squared error to the momentum encoder's vectors",
    "alpha": "weight of the squared error of the values",
    "bank_momentum": "weight of the old entry when an example's entry in the bank is renewed",
    "beta": "weight of the KL divergence",
    "bin_spacing": "side of a bin of colour, in units of Lab",
    "blocks": "blocks that a clip is cut into",
    "bottleneck": "features of the head before its prototypes",
    "cells_per_token": "cells of a token's side, each with a colour of its own",
    "center_momentum": "weight of the old centre in its moving average",
    "channel_mask_adjust": "share by which the number of hidden channels may vary",
    "channel_mask_block": "channels of a span that is hidden",
    "channel_mask_ratio": "share of channels that are set to 0",
    "class_weight": "weight of the class token's loss",
    "classifier_hidden": "widths of the classifier's hidden layers; (): linear",
    "clusters": "units in the first and in the second iteration",
    "code_dim": "dimension of a code",
    "code_temperature": "first and last temperature of choosing codes, and its factor per step",
    "codebook_decay": "weight of the old codes in their moving average",
    "codes": "number of codes",
    "codeword_weight": "weight of the codewords' cross entropy",
    "codewords": "number of codewords",
    "color": "what is done about the fringes of lenses, which tell a tile's place",
    "commitment": "weight of the encoder's distance to the codes it is given",
    "context_scale": "least and greatest share of the patches in the context block",
    "corruption": "how inputs are corrupted",
    "covariance_momentum": "weight of the old covariance in its moving average",
    "covariance_weight": "weight of the covariance term",
    "dead_below": "mean uses per batch below which a code is replaced",
    "decoder_blocks": "blocks of the decoder",
    "decoder_depth": "layers of the decoder",
    "decoder_doublings": "times that the decoder doubles the side of its map",
    "decoder_groups": "groups of the decoder's convolutions",
    "decoder_heads": "attention heads of the decoder",
    "decoder_kernel": "side of the decoder's kernels",
    "decoder_summary": "whether the decoder also sees the vector of the whole",
    "decoder_width": "width of the decoder",
    "directed": "whether an order and its reverse are two classes",
    "directions": "random directions along which embeddings are tested",
    "discriminator_halvings": "times that the discriminator halves the side of its map",
    "discriminator_hidden": "width of the discriminator's hidden layer",
    "discriminator_width": "channels of the discriminator's first layer",
    "distance": "between predicted and target features",
    "diversity_weight": "weight of how unequally codes are used",
    "dropout": "share of the predictor's state that is dropped",
    "embed_with": 'task whose features are evaluated; "": the first',
    "entropy_weight": "weight of the mean prediction's entropy",
    "epsilon": "smoothing of the assignment, or what is added to a variance",
    "feature_dropout": "dropout of the frames before the transformer",
    "final_momentum": "weight of the old parameters in the teacher at the end",
    "frames": "frames of a part",
    "gap": "frames between two parts",
    "generator_doublings": "times that the generator doubles the side of its map",
    "generator_width": "channels of the generator's last layer but one",
    "group_size": "examples that are whitened together",
    "groups": "codes that make up a target, each of a codebook of its own",
    "head_dim": "output features of the head",
    "head_hidden": "widths of the head's hidden layers",
    "history": "frames that the predictor sees",
    "hole": "side of the hidden region, as a part of the image's",
    "instance_weight": "weight of the comparison with other examples",
    "invariance_weight": "weight of the distance between views",
    "jitter": "how far a tile may move within its cell, as a part of the room there",
    "kmeans_frames": "frames that k-means sees at most",
    "kmeans_iterations": "iterations of k-means at each clustering",
    "koleo_group": "examples among which the KoLeo loss looks for neighbours; 0: all",
    "koleo_weight": "weight of the KoLeo loss, which spreads features",
    "latent_dim": "dimension of the code",
    "layer": "block of the encoder whose outputs are clustered in the second iteration",
    "learned_lengths": "whether the lengths of prototypes are learned, or 1",
    "level": "how much of an input is corrupted",
    "likelihood": "of a pixel given the code",
    "logit_temperature": "by which the cosines are divided",
    "logits_block": "rows and columns of logits held at a time; 0: all",
    "margin": "frames between the middle ones and those outside, at least",
    "mask": "how times are masked",
    "mask_adjust": "share by which the number of hidden patches may vary",
    "mask_block": "side of a visible block, in patches",
    "mask_patches": "hidden patches of a view",
    "mask_prob": "share of views of which patches are hidden",
    "mask_ratio": "share of patches that are hidden",
    "mask_ratio_max": "greatest share of patches that are hidden",
    "mask_ratio_min": "least share of patches that are hidden",
    "mask_tokens": "mask tokens, one for each kind of mask",
    "mask_unit": "side of what is hidden as a whole, in pixels or steps of a series",
    "masks": "masks of each example, for one pass of the teacher",
    "momentum": "weight of the old parameters in the teacher's moving average, at the start",
    "momentum_end": "weight of the old parameters in the teacher's moving average, at the end",
    "momentum_schedule": "how that weight goes to 1",
    "momentum_steps": "steps until the last momentum; 0: all of the run",
    "name": "see `ssljax list`; an objective may be package.module:Class",
    "negatives": "examples of the bank that each one is compared with",
    "neighbours": "how many of the other tiles are asked about",
    "noise": "standard deviation of what stands for hidden patches in the decoder",
    "normalize_targets": "whether each patch's values are normalised by its own mean and deviation",
    "off_diagonal_weight": "weight of the off-diagonal terms",
    "orders": "permutations of each image in a batch",
    "pair_dim": "features of a pair of parts",
    "parts": "number of parts that are put into an order",
    "patch_bottleneck": "as bottleneck, of the patches' head",
    "patch_drop": "share of patches that the student does not see",
    "patch_prototypes": "as prototypes, of the patches' head",
    "penalty_weight": "weight of the mean square of the frames",
    "permutations": "permutations to tell apart",
    "positives": "share of the triples that are in order",
    "predicted": "blocks at the end that are predicted",
    "predictor_depth": "layers of the predictor",
    "predictor_dropout": "dropout of the predictor",
    "predictor_head_dim": "channels of each of the predictor's attention heads",
    "predictor_heads": "attention heads of the predictor; 0: those of the encoder",
    "predictor_hidden": "widths of the predictor's hidden layers",
    "predictor_mlp": "hidden width of the predictor's MLPs",
    "predictor_norm": "whether the predictor's output is normalised over the batch",
    "predictor_width": "width of the predictor",
    "projector_dim": "output features of the projector",
    "projector_hidden": "widths of the projector's hidden layers; (): linear",
    "projector_norm": "whether the projector normalises its hidden layers",
    "prototypes": "number of prototypes or clusters",
    "queue_size": "rows of the queue, a multiple of batch_size; 0 where it can do without",
    "queue_start": "step from which the queue is used",
    "rare_mix": "share of the uniform distribution in that which weighs colours",
    "rate": "probability that a cell is replaced",
    "region": "where the hidden region lies",
    "repeats": "partitions into groups whose losses are averaged",
    "second_share": "share of the run at which the second iteration begins",
    "share_momentum": "weight of the old shares of colours in their moving average",
    "shared": "components that all tasks train together",
    "sharpening": "temperature of the targets",
    "sigma": "of the weights of positive pairs; 0: all weigh the same",
    "similarity": "of two views: their cosine, or a learned bilinear form (COLA)",
    "sinkhorn_iterations": "iterations of Sinkhorn-Knopp; where 0 is allowed: none",
    "smallest_block": "least number of patches of a hidden block",
    "smoothing": "smoothing of the codewords' cross entropy",
    "span": "frames from the first to the last of the three",
    "student_temperature": "temperature of the student's predictions",
    "target_aspect": "least and greatest ratio of a target block's height to its width",
    "target_scale": "share of the patches in a target block",
    "targets": "target blocks of each view",
    "tasks": "objectives by name",
    "teacher_encoder": "name and fields of the teacher's encoder",
    "teacher_objective": "name and fields of the objective that the teacher learns by",
    "teacher_temperature": "temperature of the teacher's predictions",
    "teacher_temperature_start": "temperature of the teacher's predictions in the first step",
    "temperature": "temperature of the softmax",
    "temperature_steps": "steps until the teacher's temperature is the last one",
    "temporal_from": "level of the pyramid from which other times are compared too",
    "tile": "side of a tile, as a part of its cell's",
    "tile_size": "side to which tiles are resized, in pixels; 0: as they are",
    "tokenizer": "fields of the VQ-VAE whose codes are predicted",
    "top_layers": "last blocks whose outputs are the targets",
    "tubes": "whether the same patches of all frames are hidden (VideoMAE)",
    "variance_weight": "weight of the variance term",
    "views": "how views are made: a preset's name, or a section for each kind of view",
    "weight": "weight of the second term of the loss",
    "weights": "of the tasks' losses, by name: numbers or schedules; 1 where none is given",
}

_BLOCK = re.compile(r"^ *(?:Attributes|Args(?: \(fields\))?):\n(.*?)(?=\n\n|\Z)", re.M | re.S)
_SENTENCE = re.compile(r"(?<!et al)\. ")


def help_of(cls: type) -> dict[str, str]:
    """Return the help of the fields that the docstrings of a class and its bases explain.

    Only the first sentence of each is taken.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for block in _BLOCK.findall(inspect.cleandoc(base.__dict__.get("__doc__") or "")):
            for names, text in _entries(block):
                sentence = _SENTENCE.split(text)[0].rstrip(".")
                found |= {name: sentence for name in names.split(", ")}
    return found


def _entries(block: str) -> Iterator[tuple[str, str]]:
    """Yield (names, text) of the entries; continued lines are indented further than the first."""
    lines = block.splitlines()
    depth = min(len(line) - len(line.lstrip()) for line in lines)
    entries: list[str] = []
    for line in lines:
        if line.startswith(" " * (depth + 1)) and entries:
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line.strip())
    for entry in entries:
        names, colon, text = entry.partition(": ")
        if colon:
            yield names, text
