"""The Episodic Transformer's network. Needs torch to be imported; plug-ins import it when they build.

Source: Pashevich, Schmid, Sun, "Episodic Transformer for Vision-and-Language Navigation", ICCV 2021. Attributes bear
the names that the published checkpoints use, without their leading `model.`.
"""

from typing import Any, Dict, Optional, Tuple

import torch
from torch import nn

from suite.worker.et.configuration import Configuration
from suite.worker.et.encodings import InstructionPositions, LearnedEncoding, Positions

FRAME_SHAPE = (512, 7, 7)
LANGUAGE_POSITION_COUNT = 2000
POSITION_COUNT = 1250  # language and frames together; an action stands at its frame's position
KIND_COUNT = 3  # word, frame, action


class Encoder(nn.Module):
    """Post-norm transformer layers, sequence first as the original has them."""

    def __init__(self, width: int, head_count: int, layer_count: int) -> None:
        super().__init__()
        layers = (nn.TransformerEncoderLayer(width, head_count, width) for _ in range(layer_count))
        self.layers = nn.ModuleList(layers)

    def forward(self, embedded: torch.Tensor, hidden: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
        """embedded: [B, N, width]; hidden: [N, N], True where row may not see column; padding: [B, N]."""
        states = embedded.transpose(0, 1)
        for layer in self.layers:
            states = layer(states, src_mask=hidden, src_key_padding_mask=padding)
        return states.transpose(0, 1)


class LanguageEncoder(nn.Module):
    """An encoder for each vocabulary, registered under its data set's name: one for all where they share it."""

    def __init__(self, chosen: Configuration) -> None:
        super().__init__()
        sizes = (chosen.width, chosen.head_count, chosen.language_layer_count)
        names = list(chosen.word_counts)
        if chosen.shares_language_encoder:
            self.enc_transformers = nn.ModuleDict(dict.fromkeys(names, Encoder(*sizes)))
        else:
            self.enc_transformers = nn.ModuleDict({name: Encoder(*sizes) for name in names})
        self.enc_pos: Optional[Positions] = None
        if chosen.has_language_positions:
            self.enc_pos = Positions(LANGUAGE_POSITION_COUNT, chosen.width)
        self.enc_instr: Optional[InstructionPositions] = None
        if chosen.has_instruction_positions:
            self.enc_instr = InstructionPositions(LANGUAGE_POSITION_COUNT, chosen.width)
        self.enc_layernorm = nn.LayerNorm(chosen.width)

    def forward(self, ids: torch.Tensor, words: torch.Tensor, padding: torch.Tensor, name: str) -> Any:
        """ids: [B, L], of the words: [B, L, width]."""
        token_count = words.shape[1]
        if self.enc_pos is not None:
            words = words + self.enc_pos.pe[:token_count]
        if self.enc_instr is not None:
            words = words + self.enc_instr(ids)
        nothing_hidden = torch.zeros(token_count, token_count, dtype=torch.bool, device=words.device)
        return self.enc_transformers[name](self.enc_layernorm(words), nothing_hidden, padding)


class MultimodalEncoder(nn.Module):
    """Encodes [language | frames | actions] in one sequence."""

    def __init__(self, chosen: Configuration) -> None:
        super().__init__()
        self.seen_action_count = chosen.seen_action_count
        self.enc_transformer = Encoder(chosen.width, chosen.head_count, chosen.layer_count)
        self.enc_pos: Optional[Positions] = None
        if chosen.has_positions:
            self.enc_pos = Positions(POSITION_COUNT, chosen.width)
        self.enc_pos_learn: Optional[LearnedEncoding] = None
        if chosen.has_learned_positions:
            self.enc_pos_learn = LearnedEncoding(POSITION_COUNT, chosen.width)
        self.enc_token: Optional[LearnedEncoding] = None
        if chosen.has_token_kinds:
            self.enc_token = LearnedEncoding(KIND_COUNT, chosen.width)
        self.enc_layernorm = nn.LayerNorm(chosen.width)

    def forward(
        self,
        language: torch.Tensor,
        frames: torch.Tensor,
        actions: torch.Tensor,
        text_lengths: torch.Tensor,
        padding: torch.Tensor,
    ) -> Any:
        """The encoded sequence. Frame t and action t stand at the item's own text length + t."""
        token_count, frame_count = language.shape[1], frames.shape[1]
        for table in self._positions():
            in_time = table[text_lengths.unsqueeze(1) + torch.arange(frame_count, device=frames.device)]
            language, frames, actions = language + table[:token_count], frames + in_time, actions + in_time
        if self.enc_token is not None:
            word, frame, action = self.enc_token.emb.weight
            language, frames, actions = language + word, frames + frame, actions + action
        together = self.enc_layernorm(torch.cat((language, frames, actions), dim=1))
        hidden = hidden_from(token_count, frame_count, frames.device, self.seen_action_count)
        return self.enc_transformer(together, hidden, padding)

    def _positions(self) -> Tuple[torch.Tensor, ...]:
        """A table [POSITION_COUNT, width] for each encoding of positions."""
        fixed = () if self.enc_pos is None else (self.enc_pos.pe,)
        return fixed if self.enc_pos_learn is None else (*fixed, self.enc_pos_learn.emb.weight)


def hidden_from(token_count: int, frame_count: int, device: torch.device, seen_action_count: int = 1) -> torch.Tensor:
    """[N, N] mask, True where a row may not see a column, N = token_count + 2 * frame_count.

    Language sees language. Frame t sees language, frames up to t, and the seen_action_count actions before t; action t
    sees what frame t sees.
    """
    language = torch.ones(token_count, token_count + 2 * frame_count, dtype=torch.bool, device=device)
    language[:, :token_count] = False
    step = torch.arange(frame_count, device=device)
    to_language = torch.zeros(frame_count, token_count, dtype=torch.bool, device=device)
    to_frames = step > step.unsqueeze(1)
    age = step.unsqueeze(1) - step
    to_actions = (age < 1) | (age > seen_action_count)
    in_time = torch.cat((to_language, to_frames, to_actions), dim=1)
    return torch.cat((language, in_time, in_time))


class FrameStack(nn.Module):
    """ResNet features [N, 512, 7, 7] to [N, width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels, rows, columns = FRAME_SHAPE
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 256, 1),
            nn.BatchNorm2d(256),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 64, 1),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(64 * rows * columns, width),
        )

    def forward(self, frames: torch.Tensor) -> Any:
        return self.layers(frames)


class ObjectHead(nn.Module):
    def __init__(self, width: int, object_count: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, object_count)

    def forward(self, states: torch.Tensor) -> Any:
        return self.linear(states)


class EpisodicTransformer(nn.Module):
    """Predicts, at each frame of an episode, the action to take and the object to take it on.

    It reads the vocabulary with the most words: the human annotations, where there is also a synthetic one.
    """

    def __init__(self, chosen: Configuration) -> None:
        super().__init__()
        counts, width = chosen.word_counts, chosen.width
        self.vocabulary = chosen.vocabulary
        self.notes: Tuple[str, ...] = ()  # in what it is not the published network
        self.embs_ann = nn.ModuleDict({name: nn.Embedding(count, width) for name, count in counts.items()})
        self.encoder_vl = MultimodalEncoder(chosen)
        self.encoder_lang = LanguageEncoder(chosen)
        self.vis_feat = FrameStack(width)
        self.dataset_enc: Optional[LearnedEncoding] = None
        if chosen.has_dataset_encoding:
            self.dataset_enc = LearnedEncoding(len(chosen.dataset_names), width)
            self.dataset_row = chosen.dataset_names.index(self.vocabulary)
        self.emb_action = nn.Embedding(chosen.action_count, width)
        self.dec_action = nn.Linear(width, width)
        self.dec_object = ObjectHead(width, chosen.object_count)
        self.object_feat = FrameStack(width)
        if chosen.has_progress_head:
            self.dec_progress = nn.Linear(width, 1)
        if chosen.has_subgoal_head:
            self.dec_subgoal = nn.Linear(width, 1)
        self._has_heads = {"progress": chosen.has_progress_head, "subgoal": chosen.has_subgoal_head}

    @property
    def word_count(self) -> int:
        return len(self.embs_ann[self.vocabulary].weight)  # type: ignore[arg-type]  # an Embedding's

    def forward(
        self,
        text_ids: torch.Tensor,
        text_lengths: torch.Tensor,
        frames: torch.Tensor,
        actions: torch.Tensor,
        frame_lengths: torch.Tensor,
    ) -> Dict[str, torch.Tensor]:
        """Predictions at every frame, those beyond an item's length without meaning.

        text_ids: [B, L]; frames: [B, T, 512, 7, 7]; actions: [B, T], action t the one taken after frame t;
        text_lengths, frame_lengths: [B], at least 1. Returns action [B, T, action_count], object [B, T, object_count],
        and where the network has these heads progress and subgoal [B, T, 1].
        """
        token_count, (batch_size, frame_count) = text_ids.shape[1], frames.shape[:2]
        text_padding = beyond(text_lengths, token_count)
        frame_padding = beyond(frame_lengths, frame_count)
        flat_frames = frames.reshape(-1, *FRAME_SHAPE)
        seen = self.vis_feat(flat_frames).view(batch_size, frame_count, -1)
        states = self.encoder_vl(
            self._read(text_ids, text_padding),
            seen,
            self.emb_action(actions),
            text_lengths,
            torch.cat((text_padding, frame_padding, frame_padding), dim=1),
        )
        states = states[:, token_count : token_count + frame_count]
        objects_seen = self.object_feat(flat_frames).view(batch_size, frame_count, -1)
        predicted = {
            "action": self.dec_action(states).matmul(self.emb_action.weight.t()),
            "object": self.dec_object(states + objects_seen),
        }
        if self._has_heads["progress"]:
            predicted["progress"] = torch.sigmoid(self.dec_progress(states))
        if self._has_heads["subgoal"]:
            predicted["subgoal"] = torch.sigmoid(self.dec_subgoal(states))
        return predicted

    def _read(self, ids: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
        """The encoded instruction [B, L, width]."""
        language: torch.Tensor = self.encoder_lang(ids, self.embs_ann[self.vocabulary](ids), padding, self.vocabulary)
        return language if self.dataset_enc is None else language + self.dataset_enc.emb.weight[self.dataset_row]


def beyond(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """[B, size] mask, True at positions beyond each item's length."""
    return torch.arange(size, device=lengths.device) >= lengths.unsqueeze(1)
