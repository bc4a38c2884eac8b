from tests.objectives.cases.small import RESNET, SINGLE

VQ_VAE = {
    "name": "vq_vae",
    "views": SINGLE,
    "codes": 8,
    "code_dim": 4,
    "decoder_width": 8,
    "decoder_blocks": 1,
}

DECODER = {"latent_dim": 6, "decoder_width": 4, "decoder_doublings": 2}

BIGAN = {
    "name": "bigan",
    "views": SINGLE,
    "latent_dim": 6,
    "generator_width": 4,
    "generator_doublings": 2,
    "discriminator_width": 4,
    "discriminator_halvings": 2,
    "discriminator_hidden": 16,
}

CASES = {
    "autoencoder": (RESNET, {"name": "autoencoder", "views": SINGLE, **DECODER}),
    "bigan": (RESNET, BIGAN),
    "denoising_autoencoder": (
        RESNET,
        {"name": "denoising_autoencoder", "views": SINGLE, **DECODER},
    ),
    "vae": (RESNET, {"name": "vae", "views": SINGLE, **DECODER}),
    "vq_vae": (RESNET, VQ_VAE),
}
