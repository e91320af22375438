"""The Episodic Transformer's network. Needs torch to be imported; plug-ins import it when they build.

Source: Pashevich, Schmid, Sun, "Episodic Transformer for Vision-and-Language Navigation", ICCV 2021. Attributes bear
the names that the published checkpoints use, without their leading `model.`.
"""

from typing import Any, Dict, Mapping, NamedTuple, Tuple

import torch
from torch import nn

WIDTH = 768
HEAD_COUNT = 12
LAYER_COUNT = 2
OBJECT_COUNT = 82
FRAME_SHAPE = (512, 7, 7)
LANGUAGE_POSITION_COUNT = 2000
POSITION_COUNT = 1250  # language and frames together; an action stands at its frame's position


class Sizes(NamedTuple):
    """Rows of the embeddings: words of each data set's vocabulary, and actions."""

    word_counts: Mapping[str, int]
    action_count: int


class Positions(nn.Module):
    """A table of sinusoids over the square root of the width, [row_count, WIDTH]."""

    pe: torch.Tensor

    def __init__(self, row_count: int) -> None:
        super().__init__()
        rows = torch.arange(row_count, dtype=torch.float64).unsqueeze(1)
        rates = torch.pow(10000.0, -torch.arange(0, WIDTH, 2, dtype=torch.float64) / WIDTH)
        angles = rows * rates
        table = torch.stack((angles.sin(), angles.cos()), dim=2).reshape(row_count, WIDTH) / WIDTH**0.5
        self.register_buffer("pe", table.float(), persistent=False)


class Encoder(nn.Module):
    """Post-norm transformer layers, sequence first as the original has them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(WIDTH, HEAD_COUNT, WIDTH) for _ in range(LAYER_COUNT))

    def forward(self, embedded: torch.Tensor, hidden: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
        """embedded: [B, N, WIDTH]; hidden: [N, N], True where row may not see column; padding: [B, N]."""
        states = embedded.transpose(0, 1)
        for layer in self.layers:
            states = layer(states, src_mask=hidden, src_key_padding_mask=padding)
        return states.transpose(0, 1)


class LanguageEncoder(nn.Module):
    """One encoder for every vocabulary, registered under each data set's name."""

    def __init__(self, names: Tuple[str, ...]) -> None:
        super().__init__()
        shared = Encoder()
        self.enc_transformers = nn.ModuleDict(dict.fromkeys(names, shared))
        self.enc_pos = Positions(LANGUAGE_POSITION_COUNT)
        self.enc_layernorm = nn.LayerNorm(WIDTH)

    def forward(self, words: torch.Tensor, padding: torch.Tensor, name: str) -> Any:
        token_count = words.shape[1]
        embedded = self.enc_layernorm(words + self.enc_pos.pe[:token_count])
        nothing_hidden = torch.zeros(token_count, token_count, dtype=torch.bool, device=words.device)
        return self.enc_transformers[name](embedded, nothing_hidden, padding)


class MultimodalEncoder(nn.Module):
    """Encodes [language | frames | actions] in one sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.enc_transformer = Encoder()
        self.enc_pos = Positions(POSITION_COUNT)
        self.enc_layernorm = nn.LayerNorm(WIDTH)

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
        steps = torch.arange(frame_count, device=frames.device)
        in_time = self.enc_pos.pe[text_lengths.unsqueeze(1) + steps]
        language = language + self.enc_pos.pe[:token_count]
        together = self.enc_layernorm(torch.cat((language, frames + in_time, actions + in_time), dim=1))
        return self.enc_transformer(together, hidden_from(token_count, frame_count, frames.device), padding)


def hidden_from(token_count: int, frame_count: int, device: torch.device) -> torch.Tensor:
    """[N, N] mask, True where a row may not see a column, N = token_count + 2 * frame_count.

    Language sees language. Frame t sees language, frames up to t, and action t - 1; action t sees what frame t sees.
    """
    language = torch.ones(token_count, token_count + 2 * frame_count, dtype=torch.bool, device=device)
    language[:, :token_count] = False
    step = torch.arange(frame_count, device=device)
    to_language = torch.zeros(frame_count, token_count, dtype=torch.bool, device=device)
    to_frames = step > step.unsqueeze(1)
    to_actions = step != step.unsqueeze(1) - 1
    in_time = torch.cat((to_language, to_frames, to_actions), dim=1)
    return torch.cat((language, in_time, in_time))


class FrameStack(nn.Module):
    """ResNet features [N, 512, 7, 7] to [N, WIDTH]."""

    def __init__(self) -> None:
        super().__init__()
        channels, height, width = FRAME_SHAPE
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 256, 1),
            nn.BatchNorm2d(256),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 64, 1),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(64 * height * width, WIDTH),
        )

    def forward(self, frames: torch.Tensor) -> Any:
        return self.layers(frames)


class ObjectHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, OBJECT_COUNT)

    def forward(self, states: torch.Tensor) -> Any:
        return self.linear(states)


class EpisodicTransformer(nn.Module):
    """Predicts, at each frame of an episode, the action to take and the object to take it on.

    It reads the vocabulary with the most words: the human annotations, where there is also a synthetic one.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        counts = sizes.word_counts
        self.vocabulary = max(counts, key=lambda name: counts[name])
        self.embs_ann = nn.ModuleDict({name: nn.Embedding(count, WIDTH) for name, count in counts.items()})
        self.encoder_vl = MultimodalEncoder()
        self.encoder_lang = LanguageEncoder(tuple(counts))
        self.vis_feat = FrameStack()
        self.emb_action = nn.Embedding(sizes.action_count, WIDTH)
        self.dec_action = nn.Linear(WIDTH, WIDTH)
        self.dec_object = ObjectHead()
        self.object_feat = FrameStack()
        self.dec_progress = nn.Linear(WIDTH, 1)
        self.dec_subgoal = nn.Linear(WIDTH, 1)

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
        text_lengths, frame_lengths: [B], at least 1. Returns action [B, T, action_count], object [B, T, 82], progress
        and subgoal [B, T, 1].
        """
        token_count, (batch_size, frame_count) = text_ids.shape[1], frames.shape[:2]
        text_padding = beyond(text_lengths, token_count)
        frame_padding = beyond(frame_lengths, frame_count)
        flat_frames = frames.reshape(-1, *FRAME_SHAPE)
        seen = self.vis_feat(flat_frames).view(batch_size, frame_count, WIDTH)
        states = self.encoder_vl(
            self.encoder_lang(self.embs_ann[self.vocabulary](text_ids), text_padding, self.vocabulary),
            seen,
            self.emb_action(actions),
            text_lengths,
            torch.cat((text_padding, frame_padding, frame_padding), dim=1),
        )
        states = states[:, token_count : token_count + frame_count]
        objects_seen = self.object_feat(flat_frames).view(batch_size, frame_count, WIDTH)
        return {
            "action": self.dec_action(states).matmul(self.emb_action.weight.t()),
            "object": self.dec_object(states + objects_seen),
            "progress": torch.sigmoid(self.dec_progress(states)),
            "subgoal": torch.sigmoid(self.dec_subgoal(states)),
        }


def beyond(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """[B, size] mask, True at positions beyond each item's length."""
    return torch.arange(size, device=lengths.device) >= lengths.unsqueeze(1)
