"""A small LXMERT, trained on scikit-learn's digits: its weights are real, and lie in suite/worker/shipped/."""

import os
from typing import Any, Dict

from suite.worker import digits
from suite.worker.model import Axis, Model

WEIGHTS = os.path.join(os.path.dirname(digits.DATA), "lxmert-digits.safetensors")


class LxmertDigits(Model):
    name = "lxmert-digits"
    title = "LXMERT digits"
    task = "questions about images of digits"
    why = (
        "LXMERT's architecture with one layer a stack, trained on digits: small enough to ship, so that accuracy is "
        "measured on every machine. It is no VQA model."
    )
    source = "benchmarks/train_digits.py; transformers' LxmertForQuestionAnswering, eager attention"
    axes = (
        Axis("text_tokens", "text tokens", 8, 3, digits.LONGEST),
        Axis("image_regions", "image regions", digits.PATCH_COUNT, 2, 64),
    )
    packages = ("torch", "transformers")
    modules = ("transformers.models.lxmert.modeling_lxmert",)
    shipped_weights = WEIGHTS

    def build(self, options: Dict[str, Any]) -> Any:
        from transformers import LxmertConfig, LxmertForQuestionAnswering

        settings: Dict[str, Any] = {
            "vocab_size": digits.WORD_COUNT,
            "num_qa_labels": len(digits.ANSWERS),
            "hidden_size": 96,
            "num_attention_heads": 4,
            "intermediate_size": 192,
            "l_layers": 1,
            "r_layers": 1,
            "x_layers": 1,
            "max_position_embeddings": digits.LONGEST,
            "type_vocab_size": 2,
            "visual_feat_dim": digits.PATCH_PIXELS,
            "visual_pos_dim": 4,
            "initializer_range": 0.1,
            "attn_implementation": "eager",
        }
        return LxmertForQuestionAnswering(LxmertConfig(**settings))

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        """Ids and masks [B, L]; visual_feats [B, R, 4] and box corners visual_pos [B, R, 4], both from 0 to 1."""
        text, regions = (batch_size, axes["text_tokens"]), (batch_size, axes["image_regions"])
        return {
            "input_ids": source.child("input_ids").integers(text, 1, digits.WORD_COUNT),
            "attention_mask": source.full(text, 1),
            "token_type_ids": source.full(text, 0),
            "visual_feats": source.child("visual_feats").fractions(regions + (digits.PATCH_PIXELS,)),
            "visual_pos": source.child("visual_pos").fractions(regions + (4,)),
            "visual_attention_mask": source.full(regions, 1),
        }


PLUGIN = LxmertDigits()
