"""Generative losses against PyTorch's own, the codebook against the official code's formulas."""

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import gan, kl_to_normal, mse, vae
from ssljax.ops.quantization import (
    code_usage,
    code_vectors,
    nearest_code,
    straight_through,
    update_codebook,
)
from tests.peers.test_losses import assert_equal, draw

torch = pytest.importorskip("torch")


def test_gan_is_the_mean_of_two_binary_cross_entropies():
    def theirs(real, fake):
        loss = torch.nn.functional.binary_cross_entropy_with_logits
        return (loss(real, torch.ones_like(real)) + loss(fake, torch.zeros_like(fake))) / 2

    assert_equal(lambda r, f: jnp.mean(gan(r, f)), theirs, draw((32,), (32,)))


def test_kl_to_normal_is_that_of_torch_distributions():
    def theirs(mean, log_variance):
        normal = torch.distributions.Normal
        posterior = normal(mean, torch.exp(log_variance / 2))
        return torch.distributions.kl_divergence(posterior, normal(0.0, 1.0)).sum(1).mean()

    assert_equal(lambda m, v: jnp.mean(kl_to_normal(m, v)), theirs, draw((8, 5), (8, 5)))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_vae_is_that_of_torch_distributions(likelihood):
    reconstruction, mean, log_variance = draw((8, 4, 4, 1), (8, 5), (8, 5))
    x = np.random.default_rng(1).random((8, 4, 4, 1)).astype(np.float32)

    def ours(*trained):
        return jnp.mean(vae(x, *trained, beta=4.0, likelihood=likelihood))

    def theirs(reconstruction, mean, log_variance):
        if likelihood == "bernoulli":
            pixels = torch.distributions.Bernoulli(logits=reconstruction, validate_args=False)
        else:
            pixels = torch.distributions.Normal(reconstruction, 1.0)
        surprise = -pixels.log_prob(torch.tensor(x)).flatten(1).sum(1)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
        return (surprise + 4.0 * divergence).mean()

    assert_equal(ours, theirs, [reconstruction, mean, log_variance])


def test_the_straight_through_loss_of_vq_vae():
    """A linear decoder's error and the commitment, as with sonnet's VectorQuantizerEMA."""
    z, codes, decoder, x = draw((6, 4, 3), (5, 3), (3, 7), (6, 4, 7))

    def ours(z, decoder):
        quantized = codes[nearest_code(z, codes)]
        return jnp.mean(mse(straight_through(z, quantized) @ decoder, x) + 0.25 * mse(z, quantized))

    def theirs(z, decoder):
        table = torch.tensor(codes)
        flat = z.reshape(-1, 3)
        distances = (flat**2).sum(1, keepdim=True) - 2 * flat @ table.T + (table**2).sum(1)[None]
        quantized = table[distances.argmin(1)].reshape(z.shape)
        commitment = ((quantized.detach() - z) ** 2).mean()
        passed = z + (quantized - z).detach()
        return ((passed @ decoder - torch.tensor(x)) ** 2).mean() + 0.25 * commitment

    assert_equal(ours, theirs, [z, decoder])


def test_codes_move_as_in_sonnet_but_for_its_smoothing():
    """sonnet divides by smoothed counts; at an epsilon of 0 its codes are ours, all being alive."""
    z, codes = draw((200, 3), (4, 3))
    decay, fair = 0.9, 200 / 4
    counts = np.full(4, 50.0)
    sums = codes * counts[:, None]
    book = {"counts": jnp.asarray(counts / fair), "sums": jnp.asarray(sums / fair)}
    for _ in range(3):
        flat, table = torch.tensor(z), torch.tensor(sums / counts[:, None], dtype=torch.float32)
        chosen = torch.nn.functional.one_hot(torch.cdist(flat, table).argmin(1), 4).float()
        counts = decay * counts + (1 - decay) * chosen.sum(0).numpy()
        sums = decay * sums + (1 - decay) * (chosen.T @ flat).numpy()
        ids = nearest_code(z, code_vectors(book))
        usage = code_usage(z, ids, codes=4)
        book = update_codebook(book, usage, jnp.zeros((4, 3)), decay=decay, dead_below=0.01)
        np.testing.assert_allclose(code_vectors(book), sums / counts[:, None], rtol=1e-4)
