"""LXMERT for visual question answering."""

from typing import Any, Dict

from suite.worker.model import Axis, Model

_ANSWER_COUNT = 3129  # of VQA v2
_WORD_COUNT = 30522


class Lxmert(Model):
    name = "lxmert"
    title = "LXMERT"
    task = "visual question answering"
    why = (
        "Two streams, text and image regions, that meet in cross-attention layers: the larger of two well-known ways "
        "to join vision and language."
    )
    source = "Tan, Bansal, EMNLP 2019; transformers' LxmertForQuestionAnswering, eager attention"
    axes = (
        Axis("text_tokens", "text tokens", 20, 3, 512),  # [CLS], a word, [SEP]; 512 positions
        Axis("image_regions", "image regions", 36, 2, 1024),  # regions have no positions; a detector gives up to 100
    )
    packages = ("torch", "transformers")
    modules = ("transformers.models.lxmert.modeling_lxmert",)
    takes_pinned = True

    def build(self, options: Dict[str, Any]) -> Any:
        from transformers import LxmertConfig, LxmertForQuestionAnswering

        settings: Dict[str, Any] = {"num_qa_labels": _ANSWER_COUNT, "attn_implementation": "eager"}
        return LxmertForQuestionAnswering(LxmertConfig(**settings))

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        """Ids and masks [B, L]; visual_feats [B, R, 2048] and box corners visual_pos [B, R, 4], both from 0 to 1."""
        text, regions = (batch_size, axes["text_tokens"]), (batch_size, axes["image_regions"])
        return {
            "input_ids": source.child("input_ids").integers(text, 1, _WORD_COUNT),
            "attention_mask": source.full(text, 1),
            "token_type_ids": source.full(text, 0),
            "visual_feats": source.child("visual_feats").fractions(regions + (2048,)),
            "visual_pos": source.child("visual_pos").fractions(regions + (4,)),
            "visual_attention_mask": source.full(regions, 1),
        }


PLUGIN = Lxmert()
