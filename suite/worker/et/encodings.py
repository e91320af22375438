"""What the Episodic Transformer adds to its embeddings: fixed sinusoids, and rows that were learned. Needs torch."""

import torch
from torch import nn

# Of <<goal>> and <<instr>>, the ends of the goal and of an instruction, in the human vocabulary that the original
# ships: a checkpoint does not hold the vocabulary that it was trained on.
MARKER_IDS = (2, 20)


class Positions(nn.Module):
    """A table of sinusoids over the square root of the width, [row_count, width]."""

    pe: torch.Tensor

    def __init__(self, row_count: int, width: int = 768) -> None:
        super().__init__()
        rows = torch.arange(row_count, dtype=torch.float64).unsqueeze(1)
        rates = torch.pow(10000.0, -torch.arange(0, width, 2, dtype=torch.float64) / width)
        angles = rows * rates
        table = torch.stack((angles.sin(), angles.cos()), dim=2).reshape(row_count, width) / width**0.5
        self.register_buffer("pe", table.float(), persistent=False)


class InstructionPositions(Positions):
    """A word's position is the number of markers before it; the last word stands with the one before it."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """ids: [B, L], L at least 2. Returns [B, L, width]."""
        is_marker = (ids == MARKER_IDS[0]) | (ids == MARKER_IDS[1])
        before = is_marker.long().cumsum(dim=1) - is_marker.long()
        return self.pe[torch.cat((before[:, :-1], before[:, -2:-1]), dim=1)]


class LearnedEncoding(nn.Module):
    """Rows under the name that the original gives them."""

    def __init__(self, row_count: int, width: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(row_count, width)
