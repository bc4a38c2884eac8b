"""What a run has left behind, as tables read it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What a run has left behind.

    Attributes:
      name: of its folder.
      family: of its objective, by which runs are ordered.
      config: complete.
      metrics: the lines of metrics.jsonl, in order.
      evaluation: what `ssljax.evaluation.evaluate` found, its "step" and its "data"; None if it was
        not evaluated.
      finetuning: the contents of finetuning.json; None if it was not scored on labels.
      flops: of the training, by its products and convolutions; None if they were not counted.
    """

    name: str
    family: str
    config: Mapping[str, Any]
    metrics: Sequence[Mapping[str, float]]
    evaluation: Mapping[str, Any] | None = None
    finetuning: Mapping[str, Any] | None = None
    flops: int | None = None

    @property
    def data(self) -> str:
        """The source it was trained on and, if it is another, that it was evaluated on."""
        trained, tested = self.config["data"]["source"], self.evaluation["data"]["source"]
        return trained if trained == tested else f"{trained}, evaluated on {tested}"

    @property
    def features(self) -> str:
        """Its encoder, how many features it gives, and which output was evaluated."""
        output = [f"output {self.evaluation['output']}"] if "output" in self.evaluation else []
        about = ", ".join([str(self.evaluation["pretrained"]["dimension"]), *output])
        return f"{self.config['encoder']['name']} ({about})"

    @property
    def length(self) -> str:
        """The steps it was trained for, and the examples of each."""
        steps, whole = self.evaluation["step"], self.config["steps"]
        done = f"{steps:,}" if steps == whole else f"{steps:,} of {whole:,}"
        return f"{done} x {self.config['batch_size']:,}"
