"""What is said of a model's inputs: shown against a control, without accusing a model that does what it should."""

# ruff: noqa: ARG001, ARG005, PLR0913, PLR0917  # answers take a model's inputs by name, used or not

import collections

import pytest
import torch

from suite.worker import sensitivity
from suite.worker.model import Model
from suite.worker.outcome import WorkerFault
from tests.unit.worker.made import Made

X = torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])
IMAGE = torch.tensor([[2.0, 2.0, 5.0], [1.0, 0.0, 1.0]])


class Module(torch.nn.Module):
    """A module that answers with a function of its inputs, and keeps a place for state."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer
        self.register_buffer("count", torch.zeros(1))
        self.state = None

    def forward(self, **inputs):
        return self.answer(self, **inputs)


def checked(answer, inputs, mode="inference_mode", **declared):
    module = Module(answer)
    with getattr(torch, mode)():
        return sensitivity.check(Made(lambda: module, inputs, **declared), module, inputs, "forward")


def codes(result):
    return [code for code, _ in result.flags]


def test_every_input_that_matters_is_named():
    result = checked(lambda _, x, image: x + image, {"x": X, "image": IMAGE})
    assert result == (["x", "image"], [])


def test_an_ignored_input_is_named_and_the_others_are_still_shown():
    result = checked(lambda _, x, image: x * 2, {"x": X, "image": IMAGE})
    assert (result.changed, codes(result)) == (["x"], ["INPUT_IGNORED"])
    assert "when image changes" in result.flags[0][1]
    assert "`perturb`" in result.flags[0][1]


def random(_, x, image):
    return torch.nn.functional.dropout(x, 0.5) + torch.rand(3)


def counter(module, x, image):
    module.count += 1
    return x + module.count


def cache(module, x, image):
    module.state = x if module.state is None else torch.cat([module.state, x])
    return module.state


def slot(module, x, image):
    """A cache made in the first call and written to in place afterwards."""
    if module.state is None:
        module.state = torch.zeros(4, 3)
    module.state[1:] = module.state[:-1].clone()
    module.state[0] = x[0]
    return module.state.sum(0)


@pytest.mark.parametrize("answer", [random, counter, cache, slot])
def test_nothing_is_claimed_of_a_model_that_answers_differently_to_the_same_call(answer):
    result = checked(answer, {"x": X, "image": IMAGE})
    assert (result.changed, codes(result)) == ([], ["NOT_DETERMINISTIC"])


def test_inputs_that_a_model_changes_are_changed_for_itself_alone():
    given = {"x": X.clone(), "image": IMAGE.clone()}
    result = checked(lambda _, x, image: x.add_(1) * 2, given)
    assert (result.changed, codes(result)) == (["x"], ["INPUT_IGNORED"])
    assert torch.equal(given["x"], X)


def test_the_check_leaves_no_trace_in_the_model():
    def answer(module, x):
        module.count += 1
        module.seen.append(x)
        module.table["last"] = x
        module.state = x
        return x

    module = Module(answer)
    module.seen, module.table = [], {}
    before = module.seen, module.table
    sensitivity.check(Made(lambda: module, {"x": X}), module, {"x": X}, "forward")
    assert (module.count.item(), module.state, module.seen, module.table) == (0.0, None, [], {})
    assert module.seen is before[0]
    assert module.table is before[1]


def masked_mean(x, keep):
    return (x * keep).sum(-1) / keep.sum(-1)


KEEP_INT, DROP_BOOL = torch.ones(2, 3, dtype=torch.int64), torch.zeros(2, 3, dtype=torch.bool)


@pytest.mark.parametrize(
    ("answer", "mask"),
    [
        (lambda _, x, mask: masked_mean(x, mask), KEEP_INT),
        (lambda _, x, mask: masked_mean(x, mask.long()), KEEP_INT.bool()),
        (lambda _, x, mask: masked_mean(x, (~mask).long()), DROP_BOOL),  # False keeps, as in torch's own attention
        (lambda _, x, mask: (x + mask).softmax(-1)[..., 0], torch.zeros(2, 3)),  # is added to scores
        (lambda _, x, mask: (x + mask).softmax(-1)[..., 0], torch.tensor([[0.0, 0.0, -float("inf")]] * 2)),
        (lambda _, x, mask: masked_mean(x, mask)[:, None] * mask[:, :1], KEEP_INT),
    ],
)
@pytest.mark.parametrize("name", ["mask", "padding", "key_padding_mask"])
def test_masks_of_every_kind_and_meaning_are_shown_to_matter(answer, mask, name):
    result = checked(lambda module, x, **rest: answer(module, x, rest[name]), {"x": X, name: mask})
    assert result == (["x", name], [])


def test_a_mask_that_shows_at_the_first_position_alone_is_not_accused():
    result = checked(lambda _, x, mask: x * mask[:, :1], {"x": X, "mask": KEEP_INT})
    assert result == (["x", "mask"], [])


@pytest.mark.parametrize("x", [torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64), torch.full((2, 3), 0.25)])
def test_inputs_of_one_value_are_changed_too(x):
    assert checked(lambda _, x: x.float() + 1, {"x": x}) == (["x"], [])


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64, torch.int8, torch.bool]
)
def test_inputs_of_every_type_are_changed(dtype):
    assert checked(lambda _, x: x.clone(), {"x": (X > 0).to(dtype)}) == (["x"], [])


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda _, x: x.masked_fill(x > 2, -float("inf")), "OUTPUT_INFINITE"),
        (lambda _, x: {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}, "OUTPUT_EMPTY"),
        (lambda _, x: torch.zeros(2, 3), "OUTPUT_CONSTANT"),
        (lambda _, x: torch.tensor([7]), "OUTPUT_CONSTANT"),
        (lambda _, x: x.sqrt(), "OUTPUT_NOT_FINITE"),
        (lambda _, x: None, "OUTPUT_WITHOUT_TENSORS"),
        (lambda _, x: "a caption", "OUTPUT_WITHOUT_TENSORS"),
        (lambda _, x: 3, "OUTPUT_WITHOUT_TENSORS"),
    ],
)
def test_outputs_of_which_little_can_be_told_have_a_code_each(answer, code):
    result = checked(answer, {"x": X})
    assert codes(result) == [code]
    assert result.changed == (["x"] if code == "OUTPUT_INFINITE" else [])


def test_a_model_that_answers_the_same_to_everything_is_one_fault_and_not_one_for_each_input():
    result = checked(lambda _, x, image: (x.sum() > 1e9).float() + torch.rand(1).mul(0), {"x": X, "image": IMAGE})
    assert codes(result) == ["OUTPUT_CONSTANT"]


Pair = collections.namedtuple("Pair", "logits state")


class Data:
    def __init__(self, **fields):
        self.__dict__.update(fields)


class Slotted:
    __slots__ = ("logits", "unset")


def slotted(x):
    made = Slotted()
    made.logits = x
    return made


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: {"logits": x, "step": 3, "text": "done", "none": None},
        lambda x: Pair(x, None),
        lambda x: Data(logits=x, step=3),
        lambda x: collections.OrderedDict(logits=x, cache=Data(layers=[Data(keys=x, values=x)])),
        lambda x: [x, "text", {"deep": ({"deeper": x},)}],
        lambda x: x.numpy() if hasattr(x, "numpy") else x,
        lambda x: x.to_sparse(),
        slotted,
    ],
)
def test_the_tensors_in_whatever_is_returned_are_compared(wrap):
    assert checked(lambda _, x, image: wrap(x * 1), {"x": X, "image": IMAGE}).changed == ["x"]


def test_an_output_that_holds_itself_is_gone_through_once():
    def answer(_, x):
        ring = Data(logits=x * 1)
        ring.again = ring
        return ring

    assert checked(answer, {"x": X}) == (["x"], [])


def test_what_is_no_batch_is_given_as_it_is_and_not_accused():
    def answer(_, x, scale, none, items, text, flag, table):
        assert table.shape == (5,)
        return x * scale + items[0].sum() + table.sum()

    inputs = {
        "x": X,
        "scale": torch.tensor(2.0),
        "none": None,
        "items": [torch.ones(3), torch.ones(4)],
        "text": "hello",
        "flag": True,
        "table": torch.arange(5.0),
    }
    assert checked(answer, inputs) == (["x", "scale", "items", "table"], [])


def test_changes_that_a_model_refuses_are_not_held_against_it():
    def answer(_, x, positions):
        if positions.tolist() != [[0, 1, 2]] * len(x):
            raise ValueError("positions must be sorted")
        return x * positions

    result = checked(answer, {"x": X, "positions": torch.arange(3).expand(2, 3)})
    assert (result.changed, codes(result)) == (["x"], ["INPUT_UNCHECKED"])
    assert "positions must be sorted" in result.flags[0][1]


def test_a_model_that_runs_at_its_whole_batch_alone_is_checked_there():
    def answer(_, x):
        assert x.shape[0] == 2, "made for two"
        return x * 2

    assert checked(answer, {"x": X}) == (["x"], [])


def test_a_check_that_fails_is_a_flag():
    def answer(_, x):
        raise RuntimeError("needs the moon\nand more")

    assert checked(answer, {"x": X}) == (
        [],
        [("CHECK_FAILED", "whether inputs matter could not be checked: RuntimeError: needs the moon")],
    )

    def fault(_, x):
        raise WorkerFault("OWN", "the file is gone", "bring it")

    assert "the file is gone" in checked(fault, {"x": X}).flags[0][1]


def test_the_plug_ins_own_change_comes_first():
    class Own(Made):
        def perturb(self, name, tensor):
            return tensor + 100

    seen = []
    module = Module(lambda _, x: seen.append(x.max().item()) or (x > 50).float())
    model = Own(lambda: module, {"x": X})
    assert sensitivity.check(model, module, {"x": X}, "forward").changed == ["x"]
    assert seen[2] == 103.0


def test_a_plain_model_takes_its_batch_s_first_item_as_a_sample():
    sample = Model().sample({"x": X, "scale": torch.tensor(1.0), "table": torch.ones(5), "none": None}, "forward")
    assert (sample["x"].shape, sample["table"].shape, sample["scale"].shape) == ((1, 3), (5,), ())
