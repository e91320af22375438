"""Programs of torch.export, TorchScript, functions, and eight architectures of Hugging Face, saved here and brought."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from suite.worker import build, sensitivity
from suite.worker.brought import loading, words
from suite.worker.case import Case, grad_mode
from suite.worker.complexity import count_flops, count_parameters
from suite.worker.outcome import WorkerFault
from suite.worker.weights import Stream, place


class Reader(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(50, 8)
        self.last = torch.nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.last(self.table(ids) * mask.unsqueeze(-1)).mean(1)


def brought(word: str, folder: Path, **settings: Any) -> Any:
    model = loading.load(
        words.origin({"word": word, "name": words.default_name(word), "folder": str(folder), **settings})
    )
    model.introduce()
    return model


def changed(model: Any, batch_size: int = 2) -> list[str]:
    """The inputs that are shown to change the output of the model with its weights."""
    module = build.build(model, {})
    place(model, module, {}, 0)
    axes = {axis.name: axis.default for axis in model.axes}
    case = Case(model, module, "cpu", "forward", lambda: model.inputs(batch_size, axes, Stream(0, "inputs")), axes)
    with grad_mode(model):
        case.call()
        found = sensitivity.check(model, module, case.inputs, "forward")
    assert found.flags == []
    return found.changed


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "m.pt2"
    n, t = torch.export.Dim("n"), torch.export.Dim("t", max=40)
    values = (torch.zeros(2, 7, dtype=torch.int64), torch.ones(2, 7))
    program = torch.export.export(Reader().eval(), values, dynamic_shapes=({0: n, 1: t}, {0: n, 1: t}))
    torch.export.save(program, path)
    return path


def test_an_exported_program_says_its_sizes_and_its_integers_are_found(exported: Path) -> None:
    model = brought(str(exported), exported.parent)
    assert [(axis.name, axis.default, axis.maximum) for axis in model.axes] == [("ids_1", 7, 40)]
    assert model.settings["ranges"] == {"ids": [0, 31]}  # of 50 entries the highest power of two, less one
    module = build.build(model, {})
    assert count_parameters(module)["unique_count"] == 50 * 8 + 8 * 3 + 3
    assert count_flops(model, {}, "forward", 1, {"ids_1": 5})["mac_count"] == 5 * 8 * 3
    assert changed(model) == ["ids", "mask"]


def test_an_exported_program_that_would_need_unpickling_is_refused(exported: Path, tmp_path: Path) -> None:
    class Own:
        def __reduce__(self) -> Any:
            return print, ("this ran",)

    other = tmp_path / "evil.pt2"
    with zipfile.ZipFile(exported) as source, zipfile.ZipFile(other, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            content = source.read(name)
            if "sample_inputs" in name or name.endswith("example_inputs.pt"):
                torch.save((Own(),), tmp_path / "part")
                content = (tmp_path / "part").read_bytes()
            target.writestr(name, content)
    with pytest.raises(WorkerFault) as told:
        brought(str(other), tmp_path)
    assert told.value.code == "MODEL_UNREADABLE"


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "m.jit"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is old
        torch.jit.save(torch.jit.script(Reader().eval()), path)
    return path


def test_torchscript_takes_shapes_and_ranges(script: Path) -> None:
    shapes = {"ids": ["batch", "t"], "mask": ["batch", "t"]}
    model = brought(str(script), script.parent, shapes=shapes, ranges={"ids": [0, 49]}, sizes={"t": 6})
    assert [(axis.name, axis.default) for axis in model.axes] == [("t", 6)]
    assert changed(model) == ["ids", "mask"]
    assert count_flops(model, {}, "forward", 1, {"t": 6})["mac_count"] == 6 * 8 * 3


PICKLES = [("weights", lambda: Reader().state_dict(), True), ("module", Reader, True), ("old", Reader, False)]


@pytest.mark.parametrize(("name", "make", "as_zip"), PICKLES, ids=[row[0] for row in PICKLES])
def test_a_pickle_is_refused_with_the_remedy(tmp_path: Path, name: str, make: Any, as_zip: bool) -> None:
    path = tmp_path / f"{name}.pt"
    torch.save(make(), path, _use_new_zipfile_serialization=as_zip)
    with pytest.raises(WorkerFault, match="pickle") as told:
        brought(str(path), tmp_path)
    assert told.value.remedy == (
        "save the model itself by torch.jit.save or torch.export.save, or give a function that builds it"
    )


FUNCTION = """
import torch

def make():
    net = torch.nn.Sequential(torch.nn.Embedding(50, 8), torch.nn.Linear(8, 4))
    return net, lambda batch_size, tokens=16: torch.randint(0, 50, (batch_size, tokens))
"""


def test_a_function_gives_module_inputs_and_axes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FUNCTION)
    model = brought(f"{tmp_path}/mine.py:make", tmp_path, sizes={"tokens": 9})
    assert [(axis.name, axis.default) for axis in model.axes] == [("tokens", 9)]
    assert changed(model) == ["input_0"]
    assert count_flops(model, {}, "forward", 1, {"tokens": 9})["mac_count"] == 9 * 8 * 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def other(): pass", "has no make; it has other"),
        ("make = 3", "names a int, no function"),
        ("def make(): return 7", "gives a int, not a module and a function"),
        ("def make(): return 7, print", "gives a int as its module"),
        ("def make(): raise KeyError('weights')", "KeyError: 'weights'"),
        ("import nothere", "No module named 'nothere'"),
    ],
)
def test_a_function_that_can_not_be_used_is_told_in_a_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "mine.py").write_text(text + "\n")
    from suite.worker import plugins

    settings = {"word": f"{tmp_path}/mine.py:make", "name": "m", "folder": str(tmp_path)}
    with pytest.raises(WorkerFault, match=told):
        plugins.load(words.origin(settings))


SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
TEXT, VISION = {"vocab_size": 99, "max_position_embeddings": 20, **SMALL}, {"image_size": 32, "patch_size": 8, **SMALL}
BOTH = ["input_ids", "attention_mask"]
WHISPER = {
    "vocab_size": 99, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_source_positions": 30,
    "max_target_positions": 20, "num_mel_bins": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "decoder_start_token_id": 1,
}  # fmt: skip
T5 = {"vocab_size": 99, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
# class of the model, of its config, what the config says, axes with their usual sizes, inputs shown to matter
ARCHITECTURES: list[tuple[str, str, dict[str, Any], dict[str, int], list[str]]] = [
    ("BertModel", "BertConfig", TEXT, {"tokens": 20}, [*BOTH, "token_type_ids"]),
    (
        "GPT2LMHeadModel",
        "GPT2Config",
        {"vocab_size": 99, "n_embd": 16, "n_layer": 1, "n_head": 2},
        {"tokens": 32},
        BOTH,
    ),
    (
        "T5ForConditionalGeneration",
        "T5Config",
        {**T5, "decoder_start_token_id": 0},
        {"tokens": 32, "decoder_tokens": 8},
        [*BOTH, "decoder_input_ids"],
    ),
    ("ViTForImageClassification", "ViTConfig", VISION, {}, ["pixel_values"]),
    (
        "CLIPModel",
        "CLIPConfig",
        {"text_config": {**TEXT, "eos_token_id": 98}, "vision_config": VISION, "projection_dim": 16},
        {"tokens": 20},
        ["pixel_values", *BOTH],
    ),
    (
        "WhisperForConditionalGeneration",
        "WhisperConfig",
        WHISPER,
        {"decoder_tokens": 8},
        ["input_features", "decoder_input_ids"],
    ),
    ("LlamaForCausalLM", "LlamaConfig", {**TEXT, "num_key_value_heads": 2}, {"tokens": 20}, BOTH),
    ("ResNetForImageClassification", "ResNetConfig", RESNET, {"pixels": 224}, ["pixel_values"]),
]


@pytest.mark.parametrize("row", ARCHITECTURES, ids=[row[0] for row in ARCHITECTURES])
@pytest.mark.parametrize("with_weights", [True, False], ids=["weights", "config"])
def test_a_folder_of_hugging_face(row: Any, with_weights: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    class_name, config_name, said, axes, inputs = row
    config = getattr(transformers, config_name)(**said)
    config.architectures = [class_name]
    made = getattr(transformers, class_name)(config)
    (made if with_weights else config).save_pretrained(tmp_path / "saved")
    model = brought(f"hf:{tmp_path}/saved", tmp_path)
    assert (model.own_weights, {axis.name: axis.default for axis in model.axes}) == (with_weights, axes)
    counted = count_parameters(build.build_for_shapes(model, {}))
    assert counted["unique_count"] == sum(parameter.numel() for parameter in made.parameters())
    if with_weights:
        assert changed(model) == inputs


def test_code_that_a_hub_s_model_brings_runs_only_where_a_person_said_so(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text('{"auto_map": {"AutoModel": "modeling_own.Own"}, "model_type": "own"}')
    (tmp_path / "modeling_own.py").write_text("raise SystemError('this ran')")
    with pytest.raises(WorkerFault) as told:
        brought(f"hf:{tmp_path}", tmp_path)
    assert told.value.code == "HUB_CODE"
    assert "--trust-remote-code" in told.value.remedy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[]", "holds no object"),
        ('{"model_type": "bert", "architectures": ["NoSuchModel"]}', "is a NoSuchModel, which transformers"),
        ('{"model_type": "nosuchmodel"}', "has a config that can't be used"),
    ],
)
def test_a_config_that_can_not_be_used_is_told_in_a_line(tmp_path: Path, text: str, told: str) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(WorkerFault, match=told):
        brought(f"hf:{tmp_path}", tmp_path)
