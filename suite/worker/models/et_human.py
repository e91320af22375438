"""The Episodic Transformer trained on human annotations."""

from suite.worker.et.plugin import EpisodicTransformerModel


class EpisodicTransformerHuman(EpisodicTransformerModel):
    name = "et-human"
    title = "E.T. (human)"
    why = (
        "An agent that follows household instructions: it reads the whole history of frames and actions at every step, "
        "so its cost grows with the episode. This variant has one vocabulary."
    )
    word_counts = {"human": 2235}


PLUGIN = EpisodicTransformerHuman()
