r"""LeWM, a world model, on recorded episodes of CartPole: minutes on two CPU cores.

    pip install -e '.[control]'
    python -m experiments.control.record CartPole-v1 --train 400 --test 50 --out cartpole.npz
    python -m ssljax pretrain --config experiments/control/small/lewm_cartpole_transformer.py \
        --workdir runs/lewm
    python -m ssljax evaluate --workdir runs/lewm

Maes et al. 2026, https://arxiv.org/abs/2603.19312. Episodes of random actions, windows of five
frames, three observations apart: at a smaller distance an action moves nothing by a pixel. After
training a rollout tells the last two frames from the first three and the actions; place, angle and
their speeds are read from the embeddings by ridge regression; both on episodes not seen before.
"""

from experiments.control.common import lewm


def get_config():
    """Return the config."""
    config = lewm("episodes:cartpole.npz?frames=5&stride=3", image_size=100)
    config.encoder.update(patch_size=20, width=64, depth=3, heads=4)
    config.encoders.action.update(hidden=128, out=64)
    config.objective.update(
        directions=256,
        projector_hidden=(256,),
        projector_dim=32,
        predictor_depth=2,
        predictor_heads=4,
        predictor_head_dim=32,
        predictor_mlp=256,
    )
    config.steps = 1000
    config.batch_size = 64
    config.optimizer.learning_rate = 5e-4
    config.optimizer.warmup_steps = 50
    config.checkpoint.every = 500
    return config
