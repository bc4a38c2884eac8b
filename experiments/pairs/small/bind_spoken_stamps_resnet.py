r"""ImageBind's way on stamps: speech and captions are bound to images, minutes on two CPU cores.

    python -m ssljax data prepare spoken_stamps
    python -m ssljax pretrain --config experiments/pairs/small/bind_spoken_stamps_resnet.py \
        --workdir runs/bind
    python -m ssljax evaluate --workdir runs/bind --protocol retrieval
    python -m ssljax evaluate --workdir runs/bind --protocol retrieval \
        --config.evaluation.test_split=spanish

Stamps of Tux Paint with English captions and what French, Romanian, Russian and Bulgarian say. Some
have no sound. Speech and text are never compared, and are found by each other after training, as
images are by both. The split "test" has captions that training never saw, "spanish" the stamps of
train in a language and a voice that it never heard.
"""

from experiments.pairs.common import spoken_stamps


def get_config():
    """Return the config."""
    return spoken_stamps(name="bind", temperature=0.07)
