"""The Episodic Transformer trained on human and synthetic annotations."""

from suite.worker.et.plugin import EpisodicTransformerModel


class EpisodicTransformerHumanSynthetic(EpisodicTransformerModel):
    name = "et-human-synthetic"
    title = "E.T. (human + synthetic)"
    why = (
        "The same agent with a second vocabulary of synthetic instructions. Both vocabularies share one language "
        "encoder, registered under two names: a naive count takes it twice."
    )
    word_counts = {"human": 2235, "synthetic": 96}


PLUGIN = EpisodicTransformerHumanSynthetic()
