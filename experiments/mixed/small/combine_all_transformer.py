r"""MAE of images, texts and sounds on one transformer, with a stem for each: minutes on two cores.

    python -m ssljax pretrain --config experiments/mixed/small/combine_all_transformer.py \
        --workdir runs/mixed
    python -m ssljax evaluate --workdir runs/mixed --config.evaluation.output=text \
        --config.evaluation.source=pypi:newsgroups
    python -m ssljax evaluate --workdir runs/mixed --config.evaluation.output=audio \
        --config.evaluation.source=debian:sonicpi

experiments/mixed/common.py says how to prepare the data. After training the images are evaluated;
the further commands evaluate the others. To be compared with mae_image_transformer.py,
mae_text_transformer.py and mae_audio_transformer.py, of the same size and compute on one field
each.
"""

from experiments.mixed.common import together


def get_config():
    """Return the config."""
    return together()
