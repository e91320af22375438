"""Scikit-learn's digits as questions and answers: what lxmert-digits and the evaluation digits-vqa have in common.

An image of 8 x 8 is cut into 16 patches of 2 x 2, which stand in the place of a detector's regions. The five questions
are made up here, and their answers follow from the label: this is not VQA, and no figure of it compares with one.
Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (CC BY 4.0), the 1,797 images of its
test part as scikit-learn ships them (BSD).
"""

import hashlib
import os
from typing import Any, List, NamedTuple, Tuple

IMAGE_COUNT = 1797
HELD_OUT_COUNT = 540  # images; all their questions are asked
CALIBRATION_COUNT = 64  # of the images that were trained on: what needs sample inputs takes them from these
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shipped", "digits.safetensors")

PATCH_COUNT = 16
PATCH_PIXELS = 4
_SIDE, _PATCH_SIDE, _MOST = 8, 2, 16.0

_QUESTIONS = (
    "which digit is this",
    "is it even",
    "is the digit greater than four",
    "is it a prime number",
    "is the digit one of zero six eight and nine",
)
_PADDING, _START, _END = 0, 1, 2
_WORDS = tuple(sorted({word for question in _QUESTIONS for word in question.split()}))
WORD_COUNT = 3 + len(_WORDS)
ANSWERS = tuple(str(digit) for digit in range(10)) + ("no", "yes")
LONGEST = 2 + max(len(question.split()) for question in _QUESTIONS)


class Asked(NamedTuple):
    image: int
    token_ids: Tuple[int, ...]
    answer: int  # its place in ANSWERS


def tokens(question: str) -> Tuple[int, ...]:
    return (_START,) + tuple(3 + _WORDS.index(word) for word in question.split()) + (_END,)


def answers(label: int) -> Tuple[str, ...]:
    """To the questions, in their order."""
    told = (label % 2 == 0, label > 4, label in (2, 3, 5, 7), label in (0, 6, 8, 9))
    return (str(label),) + tuple("yes" if is_so else "no" for is_so in told)


def order() -> List[int]:
    """All images in an order that depends on nothing but their numbers."""
    return sorted(range(IMAGE_COUNT), key=lambda image: hashlib.sha256("digit {}".format(image).encode()).digest())


def held_out() -> List[int]:
    """The images that nothing was trained on, and nothing chosen by."""
    return order()[:HELD_OUT_COUNT]


def trained_on() -> List[int]:
    return order()[HELD_OUT_COUNT:]


def calibration() -> List[int]:
    """Of the images that were trained on: none of them is scored."""
    return trained_on()[:CALIBRATION_COUNT]


def asked(images: List[int], labels: Any) -> List[Asked]:
    """Every question about each of the images."""
    return [
        Asked(image, tokens(question), ANSWERS.index(answer))
        for image in images
        for question, answer in zip(_QUESTIONS, answers(int(labels[image])))
    ]


def inputs(batch: List[Asked], pixels: Any) -> Any:
    """LXMERT's inputs: questions padded to the longest, 16 patches of 4 pixels each and where they lie, from 0 to 1.

    pixels: uint8 tensor [images, 64] of values 0 to 16.
    """
    import torch

    length = max(len(one.token_ids) for one in batch)
    padded = [list(one.token_ids) + [_PADDING] * (length - len(one.token_ids)) for one in batch]
    ids = torch.tensor(padded, dtype=torch.int64)
    chosen = pixels[torch.tensor([one.image for one in batch], dtype=torch.int64)]
    grid = _SIDE // _PATCH_SIDE
    cut = chosen.float().div(_MOST).view(len(batch), grid, _PATCH_SIDE, grid, _PATCH_SIDE)
    patches = cut.permute(0, 1, 3, 2, 4).reshape(len(batch), PATCH_COUNT, PATCH_PIXELS).contiguous()
    corners = [
        [column / grid, row / grid, (column + 1) / grid, (row + 1) / grid]
        for row in range(grid)
        for column in range(grid)
    ]
    return {
        "input_ids": ids,
        "attention_mask": (ids != _PADDING).to(torch.int64),
        "token_type_ids": torch.zeros_like(ids),
        "visual_feats": patches,
        "visual_pos": torch.tensor(corners).expand(len(batch), PATCH_COUNT, 4).contiguous(),
        "visual_attention_mask": torch.ones(len(batch), PATCH_COUNT, dtype=torch.int64),
    }
