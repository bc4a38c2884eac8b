"""Pretext tasks, by name. Each is one file on the interface of `base.py`."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from ssljax.errors import UserError, in_code_of_user, unknown
from ssljax.objectives.base import Aux, Inputs, Objective, Run
from ssljax.objectives.construct import construct

__all__ = ["OBJECTIVES", "Aux", "Inputs", "Objective", "Run", "build_objective", "objective_class"]

OBJECTIVES = {
    "autoencoder": "ssljax.objectives.generative.autoencoder:Autoencoder",
    "barlow_twins": "ssljax.objectives.redundancy.barlow_twins:BarlowTwins",
    "beit": "ssljax.objectives.masked.beit:BEiT",
    "bigan": "ssljax.objectives.generative.bigan:BiGAN",
    "byol": "ssljax.objectives.distillation.byol:BYOL",
    "colorization": "ssljax.objectives.predictive.colorization:Colorization",
    "combine": "ssljax.objectives.combine:Combine",
    "data2vec2": "ssljax.objectives.masked.data2vec2:Data2Vec2",
    "dcl": "ssljax.objectives.contrastive.dcl:DCL",
    "deepcluster_v2": "ssljax.objectives.clustering.deepcluster:DeepCluster",
    "denoising_autoencoder": "ssljax.objectives.generative.denoising_autoencoder:DenoisingAutoencoder",
    "dino": "ssljax.objectives.distillation.dino:DINO",
    "dinov2": "ssljax.objectives.distillation.dinov2:DINOv2",
    "i_jepa": "ssljax.objectives.masked.i_jepa:IJEPA",
    "ibot": "ssljax.objectives.distillation.ibot:IBOT",
    "inpainting": "ssljax.objectives.predictive.inpainting:Inpainting",
    "jigsaw": "ssljax.objectives.predictive.jigsaw:Jigsaw",
    "lejepa": "ssljax.objectives.redundancy.lejepa:LeJEPA",
    "mae": "ssljax.objectives.masked.mae:MAE",
    "moco_v1": "ssljax.objectives.contrastive.moco_v1:MoCoV1",
    "moco_v2": "ssljax.objectives.contrastive.moco:MoCo",
    "moco_v3": "ssljax.objectives.contrastive.moco_v3:MoCoV3",
    "msn": "ssljax.objectives.distillation.msn:MSN",
    "nnclr": "ssljax.objectives.contrastive.nnclr:NNCLR",
    "npid": "ssljax.objectives.contrastive.npid:NPID",
    "online_distillation": "ssljax.objectives.distillation.online_distillation:OnlineDistillation",
    "relative_location": "ssljax.objectives.predictive.relative_location:RelativeLocation",
    "ressl": "ssljax.objectives.contrastive.ressl:ReSSL",
    "rotation": "ssljax.objectives.predictive.rotation:Rotation",
    "simclr": "ssljax.objectives.contrastive.simclr:SimCLR",
    "simmim": "ssljax.objectives.masked.simmim:SimMIM",
    "simsiam": "ssljax.objectives.distillation.simsiam:SimSiam",
    "supcon": "ssljax.objectives.contrastive.supcon:SupCon",
    "swav": "ssljax.objectives.clustering.swav:SwAV",
    "tico": "ssljax.objectives.redundancy.tico:TiCo",
    "vae": "ssljax.objectives.generative.vae:VAE",
    "vicreg": "ssljax.objectives.redundancy.vicreg:VICReg",
    "vq_vae": "ssljax.objectives.generative.vq_vae:VQVAE",
    "w_mse": "ssljax.objectives.redundancy.w_mse:WMSE",
}


def objective_class(name: str) -> type:
    """Return the class of an objective.

    Args:
      name: one of `OBJECTIVES`, or "package.module:Class" of a user's own.

    Raises:
      UserError: no such name, module or class, code of the user that fails, or a class that lacks
        a part of the interface.
    """
    module_name, _, class_name = OBJECTIVES.get(name, name).partition(":")
    if not class_name or not all(part.isidentifier() for part in module_name.split(".")):
        raise unknown("objective", name, [*OBJECTIVES, "package.module:Class"])
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UserError(
            f"config.objective.name={name!r}: cannot import {module_name!r}: {error}"
        ) from error
    except Exception as error:
        told = in_code_of_user(module_name.replace(".", "/") + ".py", error)
        raise UserError(f"config.objective.name={name!r}: {told}") from error
    if not hasattr(module, class_name):
        raise unknown(
            f"class in {module_name}", class_name, dict(inspect.getmembers(module, inspect.isclass))
        )
    cls = getattr(module, class_name)
    parts = ("batch_coupled", "init_params", "init_memory", "loss", "advance", "embed")
    lacking = [part for part in parts if not hasattr(cls, part)]
    if lacking:
        raise UserError(f"config.objective.name={name!r}: the class lacks {', '.join(lacking)}")
    return cls


def build_objective(section: Mapping[str, Any], run: Run, where: str = "objective") -> Objective:
    """Return the objective of a config section: its `name`, and its fields.

    Raises:
      UserError: an unknown name or field, a value that the objective refuses, or a batch too small
        to learn anything from.
    """
    if "name" not in section:
        raise UserError(f"config.{where} lacks a name; one of {', '.join(OBJECTIVES)}")
    cls = objective_class(section["name"])
    if run.batch_size < (smallest := getattr(cls, "smallest_batch", 1)):
        raise UserError(
            f"batch_size={run.batch_size} with config.{where}.name={section['name']!r}: its loss "
            f"compares the examples of a batch, and its gradient is 0 with fewer than {smallest}; "
            f"set batch_size to at least {smallest}"
        )
    fields = {key: value for key, value in section.items() if key != "name"}
    if hasattr(cls, "from_config"):
        return cls.from_config(fields, run, where)
    return construct(cls, fields, where, run=run)
