"""The Episodic Transformer as published: who sees whom, where it stands, what pads, what is tied."""

import math

import pytest
import torch

from suite.worker import build, weights
from suite.worker.et import network
from suite.worker.et.configuration import Configuration
from suite.worker.et.encodings import InstructionPositions
from suite.worker.models.et_human import PLUGIN as HUMAN
from suite.worker.models.et_human_synthetic import PLUGIN as BOTH
from suite.worker.weights import Stream

SIZES = {"text_tokens": 6, "frames": 5}
HEADS = ["action", "object", "progress", "subgoal"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads that wait for each other on a busy machine make these tests slow, and nothing here is timed."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def module():
    built = build.build(HUMAN, {})
    weights.fill(built, 0)
    return built


@pytest.fixture
def inputs():
    return HUMAN.inputs(2, SIZES, Stream(0, "inputs"))


def run(module, inputs):
    with torch.no_grad():
        return module(**inputs)


def frames_that_differ(left, right):
    """Frames at which any head's prediction for any item differs in more than rounding."""
    found = set()
    for head in HEADS:
        far = (left[head] - right[head]).abs().amax(dim=(0, 2)) > 1e-4
        found.update(far.nonzero().flatten().tolist())
    return sorted(found)


def changed(inputs, name, position):
    values = inputs[name].clone()
    values[:, position] = HUMAN.perturb(name, values[:, position])
    return dict(inputs, **{name: values})


def test_every_head_predicts_at_every_frame(module, inputs):
    output = run(module, inputs)
    shapes = {head: tuple(output[head].shape) for head in HEADS}
    assert shapes == {"action": (2, 5, 18), "object": (2, 5, 82), "progress": (2, 5, 1), "subgoal": (2, 5, 1)}
    assert 0 < output["progress"].min().item() < output["progress"].max().item() < 1


def test_a_frame_is_seen_at_its_step_and_later_only(module, inputs):
    before = run(module, inputs)
    for step in range(5):
        assert frames_that_differ(before, run(module, changed(inputs, "frames", step))) == list(range(step, 5))


def test_an_action_is_seen_from_the_next_step_on_and_the_last_not_at_all(module, inputs):
    before = run(module, inputs)
    for step in range(4):
        later = frames_that_differ(before, run(module, changed(inputs, "actions", step)))
        assert later[0] == step + 1
    assert frames_that_differ(before, run(module, changed(inputs, "actions", 4))) == []


def test_a_word_is_seen_at_every_step(module, inputs):
    before = run(module, inputs)
    for word in range(6):
        assert frames_that_differ(before, run(module, changed(inputs, "text_ids", word))) == list(range(5))


def test_the_mask_is_language_to_language_and_frame_and_action_alike():
    seen = ~network.hidden_from(2, 3, torch.device("cpu"))
    in_time = [[1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 0, 1, 0]]
    assert seen.int().tolist() == [[1, 1, 0, 0, 0, 0, 0, 0]] * 2 + in_time + in_time


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_a_frame_sees_as_many_actions_before_its_own_as_it_is_said_to(count):
    seen = ~network.hidden_from(1, 4, torch.device("cpu"), count)
    expected = [[int(0 < frame - action <= count) for action in range(4)] for frame in range(4)]
    assert seen[1:5, 5:].int().tolist() == expected
    assert seen[5:, 5:].int().tolist() == expected


def test_an_instructions_position_is_the_number_of_markers_before_a_word():
    ids = torch.tensor([[7, 2, 5, 20, 20, 9, 2], [20, 1, 1, 1, 1, 2, 1]])
    positions = InstructionPositions(10, 8)
    expected = [[0, 0, 1, 1, 2, 3, 3], [0, 1, 1, 1, 1, 1, 1]]
    assert torch.equal(positions(ids), positions.pe[torch.tensor(expected)])


def added_to_the_embeddings(**fields):
    """What an encoder with these parts adds to 3 words and a padding, 2 frames and 2 actions: [8, 8]."""
    parts = dict(has_positions=False, layer_count=0, width=8, head_count=1, **fields)
    encoder = network.MultimodalEncoder(Configuration({"human": 3}, 3, **parts)).eval()
    encoder.enc_layernorm = torch.nn.Identity()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.copy_(torch.arange(float(parameter.numel())).view(parameter.shape))
        sizes = [torch.zeros(1, 4, 8), torch.zeros(1, 2, 8), torch.zeros(1, 2, 8)]
        together = encoder(*sizes, torch.tensor([3]), torch.zeros(1, 8, dtype=torch.bool))
    return encoder, together[0]


def test_learned_positions_are_those_of_the_sinusoids():
    encoder, added = added_to_the_embeddings(has_learned_positions=True)
    assert torch.equal(added, encoder.enc_pos_learn.emb.weight[torch.tensor([0, 1, 2, 3, 3, 4, 3, 4])])


def test_kinds_are_of_word_frame_and_action():
    encoder, added = added_to_the_embeddings(has_token_kinds=True)
    assert torch.equal(added, encoder.enc_token.emb.weight[torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])])


def test_what_stands_beyond_an_items_lengths_changes_nothing(module, inputs):
    inputs = dict(inputs, text_lengths=torch.tensor([6, 4]), frame_lengths=torch.tensor([5, 3]))
    before = run(module, inputs)
    other = dict(inputs, text_ids=inputs["text_ids"].clone(), frames=inputs["frames"].clone())
    other["text_ids"][1, 4:] = 7
    other["frames"][1, 3:] += 1.0
    after = run(module, other)
    for head in HEADS:
        assert torch.allclose(before[head][0], after[head][0], atol=1e-5)
        assert torch.allclose(before[head][1, :3], after[head][1, :3], atol=1e-5)


def test_a_padded_item_answers_as_it_does_alone(module, inputs):
    lengths = {"text_lengths": torch.tensor([6, 4]), "frame_lengths": torch.tensor([5, 3])}
    together = run(module, dict(inputs, **lengths))
    alone = {
        "text_ids": inputs["text_ids"][1:, :4],
        "text_lengths": torch.tensor([4]),
        "frames": inputs["frames"][1:, :3],
        "actions": inputs["actions"][1:, :3],
        "frame_lengths": torch.tensor([3]),
    }
    single = run(module, alone)
    for head in HEADS:
        assert torch.allclose(together[head][1, :3], single[head][0], atol=1e-4)


def test_positions_are_sinusoids_over_the_root_of_the_width():
    table = network.Positions(4).pe
    assert tuple(table.shape) == (4, 768)
    for row, column in [(0, 0), (0, 1), (3, 0), (3, 1), (2, 100), (3, 767)]:
        angle = row / 10000 ** (column // 2 * 2 / 768.0)
        value = (math.cos(angle) if column % 2 else math.sin(angle)) / math.sqrt(768)
        assert table[row, column].item() == pytest.approx(value, abs=1e-8)
    rows = [module.pe.shape[0] for module in built_on_meta(HUMAN).modules() if isinstance(module, network.Positions)]
    assert sorted(rows) == [1250, 2000]


def built_on_meta(plugin):
    return build.build(plugin, {}, "meta")


def test_the_action_head_is_tied_to_the_action_embedding(inputs):
    module = build.build(HUMAN, {})
    weights.fill(module, 0)
    before = run(module, inputs)["action"]
    with torch.no_grad():
        module.emb_action.weight[0] = 0.0  # an action that doesn't occur in the input: the head's row alone changes
    after = run(module, dict(inputs, actions=inputs["actions"].clamp(min=1)))["action"]
    assert after[:, :, 0].abs().max().item() == 0.0
    assert torch.equal(before[:, :, 1:], after[:, :, 1:])


def test_objects_are_seen_by_a_stack_of_their_own(module, inputs):
    before = run(module, inputs)
    kept = module.object_feat.layers[7].bias.detach().clone()
    with torch.no_grad():
        module.object_feat.layers[7].bias.add_(1.0)
        after = run(module, inputs)
        module.object_feat.layers[7].bias.copy_(kept)
    assert not torch.allclose(before["object"], after["object"])
    assert all(torch.equal(before[head], after[head]) for head in ("action", "progress", "subgoal"))


def test_both_vocabularies_share_one_language_encoder_and_the_human_one_is_read():
    module = built_on_meta(BOTH)
    encoders = module.encoder_lang.enc_transformers
    assert encoders["human"] is encoders["synthetic"]
    assert [len(table.weight) for table in module.embs_ann.values()] == [2235, 96]
    assert (module.vocabulary, module.word_count) == ("human", 2235)


def test_an_episode_is_the_single_pass_step_by_step(module, inputs):
    whole = run(module, inputs)
    call, step_count = HUMAN.bind(module, inputs, "episode")
    with torch.no_grad():
        steps = call()
    assert (step_count, len(steps)) == (5, 5)
    for head in HEADS:
        unrolled = torch.cat([step[head] for step in steps], dim=1)
        assert torch.allclose(whole[head], unrolled, atol=1e-4)


def test_ids_beyond_a_smaller_vocabulary_wrap_around(module, inputs):
    beyond = dict(inputs, text_ids=inputs["text_ids"] + 2235, actions=inputs["actions"] + 18)
    with torch.no_grad():
        left, right = (HUMAN.bind(module, each, "forward")[0]() for each in (inputs, beyond))
    assert all(torch.equal(left[head], right[head]) for head in HEADS)
