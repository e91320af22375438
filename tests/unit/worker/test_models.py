"""The four models at their full size: published counts, MACs by closed form, the lock's weights, inputs that matter."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from suite.worker import build, complexity, plugins, sensitivity, weights

MODELS = plugins.discover("suite.worker.models")
FOUR = ["lxmert", "visualbert", "et-human-synthetic", "et-human"]
REGISTERED_AND_UNIQUE = {
    "lxmert": (213930297, 213930297),
    "visualbert": (113856825, 113856825),
    "et-human-synthetic": (28857300, 21764052),
    "et-human": (21690324, 21690324),
}
WIDTH, HIDDEN, FEATURES, ANSWERS = 768, 3072, 2048, 3129
has_counter = importlib.util.find_spec("torch.utils.flop_counter") is not None
needs_counter = pytest.mark.skipif(not has_counter, reason="this torch has no counter of operations")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads that wait for each other on a busy machine make these tests slow, and nothing here is timed."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def defaults(model, **changed):
    return dict({axis.name: axis.default for axis in model.axes}, **changed)


@pytest.mark.parametrize("name", FOUR)
def test_the_parameter_counts_are_those_published(name):
    counted = complexity.count_parameters(build.build(MODELS[name], {}, "meta"))
    assert (counted["registered_count"], counted["unique_count"]) == REGISTERED_AND_UNIQUE[name]
    assert counted["trainable_count"] == counted["unique_count"]


def test_the_shared_language_encoder_is_named():
    counted = complexity.count_parameters(build.build(MODELS["et-human-synthetic"], {}, "meta"))
    names = ["encoder_lang.enc_transformers.human", "encoder_lang.enc_transformers.synthetic"]
    assert counted["shared"] == [{"names": names, "parameter_count": 7093248}]
    assert counted["embedding_count"] == (2235 + 96 + 18) * WIDTH


def layer(query_count, key_count, hidden=HIDDEN, own_projection_count=None):
    """MACs of a transformer layer: four projections, two products, two feed-forward ones."""
    projected = key_count if own_projection_count is None else own_projection_count
    attention = 2 * query_count * WIDTH**2 + 2 * projected * WIDTH**2 + 2 * query_count * key_count * WIDTH
    return attention + 2 * query_count * WIDTH * hidden


def cross_attention(query_count, key_count):
    return layer(query_count, key_count, hidden=0)


def lxmert_macs(text, regions):
    """9 language layers, 5 image layers, 5 cross layers that attend both ways, then to themselves."""
    entry = regions * (FEATURES + 4) * WIDTH
    crossed = cross_attention(text, regions) + cross_attention(regions, text)
    stacks = 9 * layer(text, text) + 5 * layer(regions, regions)
    stacks += 5 * (crossed + layer(text, text) + layer(regions, regions))
    head = WIDTH * WIDTH + WIDTH * 2 * WIDTH + 2 * WIDTH * ANSWERS  # pooler, then the answer head
    return entry + stacks + head


def visualbert_macs(text, regions):
    """12 layers over words and regions together; the pooler runs though the answer doesn't use it."""
    together = text + regions
    return regions * FEATURES * WIDTH + 12 * layer(together, together) + WIDTH * WIDTH + WIDTH * ANSWERS


def et_macs(text, frames, actions=18):
    together = text + 2 * frames
    stacks = 2 * layer(text, text, hidden=WIDTH) + 2 * layer(together, together, hidden=WIDTH)
    features = 2 * frames * (49 * (512 * 256 + 256 * 64) + 49 * 64 * WIDTH)
    heads = frames * (WIDTH**2 + WIDTH * actions + WIDTH * 82 + 2 * WIDTH)
    return stacks + features + heads


def counted_macs(name, scenario="forward", batch_size=1, **changed):
    model = MODELS[name]
    return complexity.count_flops(model, {}, scenario, batch_size, defaults(model, **changed))["mac_count"]


@needs_counter
def test_the_macs_at_the_default_sizes_are_those_counted_by_hand():
    assert [counted_macs(name) for name in FOUR] == [5293327872, 4873759488, 3273753600, 3273753600]


@needs_counter
@pytest.mark.parametrize(("text", "regions", "batch_size"), [(20, 36, 1), (8, 36, 1), (40, 36, 3), (20, 100, 1)])
def test_the_macs_of_the_transformers_follow_their_closed_forms(text, regions, batch_size):
    sizes = {"text_tokens": text, "image_regions": regions}
    assert counted_macs("lxmert", batch_size=batch_size, **sizes) == batch_size * lxmert_macs(text, regions)
    assert counted_macs("visualbert", batch_size=batch_size, **sizes) == batch_size * visualbert_macs(text, regions)


@needs_counter
def test_the_macs_of_the_episodic_transformer_follow_its_closed_form():
    for text, frames in [(100, 50), (25, 50), (100, 10)]:
        assert counted_macs("et-human", text_tokens=text, frames=frames) == et_macs(text, frames)
    unrolled = counted_macs("et-human", "episode", frames=10)
    assert unrolled == sum(et_macs(100, frames) for frames in range(1, 11))
    assert 2 * sum(et_macs(100, frames) for frames in range(1, 51)) == 238823500800


@pytest.fixture(scope="module", params=[*FOUR, "null"])
def loaded(request):
    model = MODELS[request.param]
    module = build.build(model, {})
    weights.fill(module, 0)
    return model, module


def lock():
    path = Path(__file__).resolve().parents[3] / "models.lock"
    return json.loads(path.read_text(encoding="utf-8"))["models"]


def test_weights_and_inputs_are_the_locks_and_every_input_changes_the_output(loaded):
    model, module = loaded
    inputs = model.inputs(1, defaults(model), weights.Stream(0, "inputs"))
    if model.name in FOUR:
        locked = lock()[model.name]
        assert weights.digest(module) == locked["weights_sha256"]
        assert weights.digest_tensors(inputs) == locked["inputs_sha256"]
    for scenario in model.scenarios:
        assert sensitivity.check(model, module, inputs, scenario) == (list(inputs), [])


def test_the_smallest_inputs_change_the_output_too(loaded):
    model, module = loaded
    smallest = {axis.name: axis.minimum for axis in model.axes}
    inputs = model.inputs(2, smallest, weights.Stream(0, "inputs"))
    for scenario in model.scenarios:
        assert sensitivity.check(model, module, inputs, scenario) == (list(inputs), [])


def test_every_axis_is_a_size_of_the_inputs():
    for model in MODELS.values():
        sizes = {axis.name: axis.minimum + 11 + place for place, axis in enumerate(model.axes)}
        inputs = model.inputs(3, sizes, complexity.ShapeSource())
        assert all(tensor.shape[0] == 3 for tensor in inputs.values())
        seen = {size for tensor in inputs.values() for size in tuple(tensor.shape)}
        assert set(sizes.values()) <= seen


def test_a_changed_input_is_valid_and_differs_everywhere_it_should():
    model = MODELS["null"]
    assert model.perturb("ids", torch.tensor([0, 5, 1])).tolist() == [1, 0, 0]
    assert model.perturb("some_mask", torch.ones(2, 3, dtype=torch.int64)).tolist() == [[1, 1, 0]] * 2
    assert model.perturb("padding", torch.zeros(2, 3, dtype=torch.bool)).tolist() == [[False, False, True]] * 2
    assert model.perturb("additive_mask", torch.zeros(1, 3)).tolist() == [[0.0, 0.0, 1.0]]
    assert model.perturb("frame_lengths", torch.tensor([5, 3])).tolist() == [4, 2]
    assert model.perturb("values", torch.tensor([4.0, -2.0])).tolist() == [-3.0, 1.5]


def test_a_missing_package_is_named():
    class Foreign(type(MODELS["null"])):
        title = "Foreign"
        packages = ("torch", "no_such_package")

    assert MODELS["null"].available() is None
    absent = Foreign().available()
    assert absent.code == "PACKAGE_MISSING"
    assert "no_such_package" in absent.reason
