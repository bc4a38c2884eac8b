from tests.objectives.cases.small import RESNET, SINGLE

VQ_VAE = {
    "name": "vq_vae",
    "views": SINGLE,
    "codes": 8,
    "code_dim": 4,
    "decoder_width": 8,
    "decoder_blocks": 1,
}

CASES = {
    "vq_vae": (RESNET, VQ_VAE),
}
