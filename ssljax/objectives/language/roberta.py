"""RoBERTa: predict hidden words, hidden anew each time a text is seen."""

import dataclasses

import jax

from ssljax.objectives.base import Loss
from ssljax.objectives.language.masked_words import MaskedWords
from ssljax.spec import Value


@dataclasses.dataclass(frozen=True)
class RoBERTa(MaskedWords):
    """A robustly optimized BERT pretraining approach (Liu et al., 2019): masked LM alone.

    Of the words of a text, `mask_ratio` are predicted; 8 in 10 are hidden behind the mask token, 1
    is another word of the whole vocabulary, 1 stays. The loss is the mean cross entropy over all
    predicted words of the batch, so that batches and micro-batches of any lengths agree. The
    decoder's vectors are those of the encoder's ids. `config.data.pack` fills rows with several
    texts, as "full sentences" do; a word sees its own text alone.

    The same objective on amino acids is that of ESM-1b (Rives et al., 2021,
    https://doi.org/10.1073/pnas.2016239118; Official code: facebookresearch/esm).

    Paper: https://arxiv.org/abs/1907.11692. Official code: facebookresearch/fairseq,
    examples/roberta and fairseq/data/mask_tokens_dataset.py, where the number of words rounds up
    or down at random; here to the nearest. There a row's sentences see one another.
    """

    takes_packed = True
    paper = "arXiv:1907.11692"

    def modules(self):
        encoder = self.run.encoder
        return {"encoder": encoder, "words": self.word_head(encoder)}

    def run_once(self, net):
        net.words(net.encoder(self.blank()).tokens)

    def loss(self, net, teacher, batch, *, key, step):
        text = batch[self.run.name]
        made = self.hidden(jax.random.fold_in(key, 1), text.data, text.segments, batch["row"])
        types = self._types(text.data, text.segments)
        tokens = net.encoder(Value(made.ids, text.segments), types=types).tokens
        loss, count = self.word_loss(net, tokens, text.data, made)
        return Loss(loss, weight=count)
