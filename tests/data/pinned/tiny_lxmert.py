"""LXMERT's shape at a thousandth of its size, in place of published weights that tests can't fetch."""

from suite.worker.models.lxmert import Lxmert


class TinyLxmert(Lxmert):
    name = "tiny-lxmert"
    title = "Tiny LXMERT"

    def build(self, options):
        from transformers import LxmertConfig, LxmertForQuestionAnswering

        config = LxmertConfig(
            hidden_size=16, num_attention_heads=2, intermediate_size=32, l_layers=1, x_layers=1, r_layers=1,
            num_qa_labels=10, attn_implementation="eager",
        )  # fmt: skip
        return LxmertForQuestionAnswering(config)


PLUGIN = TinyLxmert()
