"""Words, sizes and values of models that people bring: what is open is named with the flag that fixes it."""

import numpy
import pytest

from suite.worker.brought import values, words
from suite.worker.brought.shapes import BATCH, Hint, Input, layout
from suite.worker.outcome import WorkerFault
from suite.worker.weights import Stream

KINDS = [
    ("path/to/model.onnx", words.ONNX, "model.onnx"),
    ("MODEL.ONNX", words.ONNX, "MODEL.ONNX"),
    ("m.pt2", words.EXPORTED, "m.pt2"),
    ("m.pt", words.TORCHSCRIPT, "m.pt"),
    ("a/m.jit", words.TORCHSCRIPT, "m.jit"),
    ("hf:folder/bert", words.HUGGING_FACE, "bert"),
    ("hf:lab/tiny@0123", words.HUGGING_FACE, "tiny-0123"),
    ("package.module:make", words.FACTORY, "module.make"),
    ("a/b.py:make", words.FACTORY, "b.make"),
    ("mine.toml", words.DESCRIPTION, "mine.toml"),
    ("lxmert", None, "lxmert"),
    ("et-human", None, "et-human"),
]


@pytest.mark.parametrize(("word", "kind", "name"), KINDS)
def test_a_word_says_its_kind_and_its_name(word, kind, name):
    assert words.kind_of(word) is kind
    assert words.default_name(word) == name


@pytest.mark.parametrize("word", ["w.pth", "w.safetensors", "m.tflite", "a/folder", "m.gguf"])
def test_what_is_no_model_that_can_be_run_is_refused_with_a_remedy(word):
    assert words.kind_of(word) is None
    assert "; " in words.refusal(word)


def test_an_origin_holds_its_settings():
    settings = {"word": "/a/m.onnx", "name": "m.onnx", "sizes": {"seq": 8}}
    assert words.is_origin(words.origin(settings))
    assert words.settings_of(words.origin(settings)) == settings
    assert not words.is_origin("/a/plugin.py")


def test_what_stands_first_is_the_batch_and_the_rest_is_open():
    with pytest.raises(WorkerFault) as told:
        layout([Input("x", "float32", (None, 3, "?", "p2o.DynamicDimension.2"))], {}, "det.onnx")
    assert told.value.code == "UNRESOLVED_AXIS"
    assert told.value.reason == (
        "det.onnx leaves the size of x_2 (dimension 2 of x), p2o_DynamicDimension_2 (dimension 3 of x) open"
    )
    assert told.value.remedy == "give each: --axis x_2=N --axis p2o_DynamicDimension_2=N"


@pytest.mark.parametrize("name", ["p2o_DynamicDimension_2", "p2o.DynamicDimension.2"])
def test_a_size_is_given_by_the_axis_or_by_the_symbol_itself(name):
    made = layout([Input("x", "float32", (None, "p2o.DynamicDimension.2"))], {"sizes": {name: 32}}, "m")
    assert [(axis.name, axis.label, axis.default) for axis in made.axes] == [
        ("p2o_DynamicDimension_2", "p2o.DynamicDimension.2", 32)
    ]
    assert made.dims == {"x": (BATCH, "p2o_DynamicDimension_2")}
    assert made.shape("x", 2, {"p2o_DynamicDimension_2": 7}) == (2, 7)


def test_one_symbol_in_several_inputs_is_one_size():
    inputs = [Input("ids", "int64", ("batch", "seq")), Input("mask", "float32", ("batch", "seq"))]
    made = layout(inputs, {"sizes": {"seq": 9}}, "m")
    assert [axis.name for axis in made.axes] == ["seq"]
    assert made.dims == {"ids": (BATCH, "seq"), "mask": (BATCH, "seq")}


def test_a_named_batch_stands_anywhere():
    made = layout([Input("state", "float32", (2, "batch", 128)), Input("sr", "int64", ())], {}, "m")
    assert made.dims == {"state": (2, BATCH, 128), "sr": ()}
    assert made.has_batch


def test_fixed_sizes_have_no_batch():
    made = layout([Input("x", "float32", (1, 4))], {}, "m")
    assert (made.has_batch, made.axes) == (False, ())


def test_a_person_gives_shape_type_and_limits():
    settings = {
        "shapes": {"x": ["batch", "t", 4]},
        "dtypes": {"x": "float16"},
        "axes": {"t": {"default": 5, "maximum": 6}},
    }
    made = layout([Input("x", "float32", ())], settings, "m")
    assert made.inputs == (Input("x", "float16", ("batch", "t", 4)),)
    assert made.axes[0][2:] == (5, 1, 6)


@pytest.mark.parametrize("shape", [[1, 3], [1, 4, 4]])
def test_a_shape_that_does_not_fit_the_file_is_refused(shape):
    with pytest.raises(WorkerFault, match="does not fit the file's"):
        layout([Input("x", "float32", ("n", 4))], {"shapes": {"x": shape}}, "m")


def test_a_hint_resolves_and_real_inputs_fix():
    given = [Input("x", "float32", ("n", "t"))]
    assert layout(given, {}, "m", {"t": Hint(7, 2, 40)}).axes[0][2:] == (7, 2, 40)
    assert layout(given, {}, "m", {"t": Hint(7, 2, 40)}, lambda _: (3, 11)).axes[0][2:] == (11, 11, 11)


def look_up(entry_count):
    def call(arrays):
        if (arrays["ids"] >= entry_count).any():
            raise IndexError("index out of range in self")

    return call


@pytest.mark.parametrize(("entry_count", "top"), [(2, 1), (50, 31), (2**15, 2**15 - 1), (1, 0)])
def test_the_range_of_integers_is_found_by_halving(entry_count, top):
    ranges = {}
    made = layout([Input("ids", "int64", ("n", 4)), Input("attention_mask", "int64", ("n", 4))], {}, "m")
    values.settle(made, {}, ranges, look_up(entry_count), "m")
    assert ranges == {"ids": [0, top]}


def test_a_range_that_can_not_be_found_is_asked_for():
    def call(_arrays):
        raise ValueError("sampling rate must be 8000 or 16000")

    made = layout([Input("sr", "int64", ())], {}, "vad.onnx")
    with pytest.raises(WorkerFault) as told:
        values.settle(made, {}, {}, call, "vad.onnx")
    assert told.value.code == "RANGE_UNKNOWN"
    assert "fails with zeros in sr (sampling rate must be 8000 or 16000)" in told.value.reason
    assert told.value.remedy == "say what the integers may be, as in --range sr=0..9"


def test_values_lie_in_their_ranges_and_are_the_same_everywhere():
    source = Stream(0, "inputs")
    ids = values.drawn(Input("ids", "int32", ()), (3, 50), source.child("ids"), (5, 7))
    assert str(ids.dtype) == "torch.int32"
    assert set(ids.flatten().tolist()) == {5, 6, 7}
    floats = values.drawn(Input("x", "float32", ()), (100,), source.child("x"), (10.0, 12.0))
    assert 10 <= float(floats.min()) < float(floats.max()) <= 12
    assert values.drawn(Input("mask", "bool", ()), (2,), source, None).tolist() == [True, True]
    assert values.drawn(Input("attention_mask", "int64", ()), (2,), source, None).tolist() == [1, 1]
    assert values.drawn(Input("sr", "plain int", ()), (), source, (16000, 16000)) == 16000


def test_the_trial_fills_with_the_highest_of_a_known_range():
    seen = {}
    made = layout([Input("ids", "int64", ("n",)), Input("x", "float32", ("n",))], {}, "m")
    values.settle(made, {}, {"ids": [0, 9]}, seen.update, "m")
    assert seen["ids"].tolist() == [9]
    assert seen["x"].tolist() == [numpy.float32(0.5)]
