"""VisualBERT for visual question answering."""

from typing import Any, Dict

from suite.worker.model import Axis, Model

_ANSWER_COUNT = 3129  # of VQA v2
_FEATURE_COUNT = 2048
_WORD_COUNT = 30522


class VisualBert(Model):
    name = "visualbert"
    title = "VisualBERT"
    task = "visual question answering"
    why = (
        "One stream: image regions stand in the sentence as further tokens of a BERT. The simpler of two well-known "
        "ways to join vision and language, at half of LXMERT's parameters."
    )
    source = "Li et al., 2019; transformers' VisualBertForQuestionAnswering, eager attention"
    axes = (
        Axis("text_tokens", "text tokens", 20, 3, 512),  # [CLS], a word, [SEP]; 512 positions
        Axis("image_regions", "image regions", 36, 2, 1024),  # without alignment all regions share position 0
    )
    packages = ("torch", "transformers")
    modules = ("transformers.models.visual_bert.modeling_visual_bert",)
    takes_pinned = True

    def build(self, options: Dict[str, Any]) -> Any:
        from transformers import VisualBertConfig, VisualBertForQuestionAnswering

        settings: Dict[str, Any] = {
            "num_labels": _ANSWER_COUNT,
            "visual_embedding_dim": _FEATURE_COUNT,
            "attn_implementation": "eager",
        }
        return VisualBertForQuestionAnswering(VisualBertConfig(**settings))

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        """Ids and masks [B, L], masks of integers, since the model sums them to find the last token; visual_embeds
        [B, R, 2048] from 0 to 1, their type 1 as in the original."""
        text, regions = (batch_size, axes["text_tokens"]), (batch_size, axes["image_regions"])
        return {
            "input_ids": source.child("input_ids").integers(text, 1, _WORD_COUNT),
            "attention_mask": source.full(text, 1),
            "token_type_ids": source.full(text, 0),
            "visual_embeds": source.child("visual_embeds").fractions(regions + (_FEATURE_COUNT,)),
            "visual_attention_mask": source.full(regions, 1),
            "visual_token_type_ids": source.full(regions, 1),
        }


PLUGIN = VisualBert()
