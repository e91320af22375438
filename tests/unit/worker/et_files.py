"""Checkpoints as the Episodic Transformer's own training code saves them; the tensors are of this suite's network."""

import torch

from suite.worker import build, weights
from suite.worker.et.configuration import Configuration

ACTION_COUNT = 15
SMALL = {"width": 24, "head_count": 12}
ONE, TWO = {"lmdb_human": 41}, {"lmdb_human": 41, "lmdb_synth": 7}


def arguments(rows, **fields):
    """What the original keeps of its options, for a network with these fields; nothing in it is used but those."""
    made = Configuration(rows, ACTION_COUNT, **fields)
    return {
        "model": "transformer",
        "optimizer": "adamw",
        "lr": {"init": 1e-4, "profile": "linear"},
        "dropout": {"lang": 0.0, "vis": 0.3, "transformer": {"encoder": 0.1}},
        "detach_lang_emb": False,
        "data": {"train": list(made.dataset_names or rows), "valid": [], "ann_type": ["lang"]},
        "demb": made.width,
        "encoder_heads": made.head_count,
        "encoder_layers": made.layer_count,
        "num_input_actions": made.seen_action_count,
        "encoder_lang": {
            "shared": made.shares_language_encoder,
            "layers": made.language_layer_count,
            "pos_enc": made.has_language_positions,
            "instr_enc": made.has_instruction_positions,
        },
        "enc": {
            "pos": made.has_positions,
            "pos_learn": made.has_learned_positions,
            "token": made.has_token_kinds,
            "dataset": made.has_dataset_encoding,
        },
        "progress_aux_loss_wt": 0.1 if made.has_progress_head else 0,
        "subgoal_aux_loss_wt": 0.1 if made.has_subgoal_head else 0,
    }


def content(rows, **fields):
    """A file's content: tensors of seed 9, tables of positions, and a moment of the optimizer."""
    from suite.worker.et.encodings import Positions
    from suite.worker.et.network import EpisodicTransformer

    with build.without_random_initialisers():
        module = EpisodicTransformer(Configuration(rows, ACTION_COUNT, **fields))
    weights.fill(module, 9)
    state = {"model." + name: tensor for name, tensor in module.state_dict().items()}
    for name, part in module.named_modules():
        if isinstance(part, Positions):
            state["model." + name + ".pe"] = (part.pe * part.pe.shape[1] ** 0.5).unsqueeze(0)
    return {
        "metric": {"epoch": 20, "general": {"learning_rate": 1e-4}},
        "model": state,
        "optim": {"state": {0: {"step": 5, "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]},
        "args": arguments(rows, **fields),
        "vocab_out": None,
        "embs_ann": dict(rows),
    }


def save(folder, saved):
    path = str(folder / "et.pth")
    torch.save(saved, path)
    return path
