"""The inputs of a model of Hugging Face, by what its forward takes and what its config says: text, image, audio."""

import inspect
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from suite.worker.brought.shapes import BATCH, MOST_SIZE, Hint, Input
from suite.worker.outcome import WorkerFault

TOKENS, DECODER_TOKENS, PIXELS, SAMPLES = "tokens", "decoder_tokens", "pixels", "samples"
_POSITIONS = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_target_positions", "seq_length")
_USUAL_TOKENS = 32
_USUAL_PIXELS = 224
_USUAL_SAMPLES = 16000  # one second, as most of them hear it


class Declared(NamedTuple):
    inputs: List[Input]
    ranges: Dict[str, List[int]]
    hints: Dict[str, Hint]


def declared(model_class: Any, config: Any, preprocessor: Dict[str, Any], title: str) -> Declared:
    """Raises WorkerFault INPUT_UNKNOWN where its forward takes none of the inputs that are known here."""
    taken = set(inspect.signature(model_class.forward).parameters)
    found = Declared([], {}, {})
    main = getattr(model_class, "main_input_name", "input_ids")
    if "pixel_values" in taken and (main == "pixel_values" or _sub(config, "vision_config") is not config):
        _add_image(found, config, preprocessor)
    if "input_features" in taken:
        _add_spectrum(found, config, preprocessor)
    elif "input_values" in taken:
        _add_sound(found, config)
    alone = main != "pixel_values" and "input_features" not in taken
    if "input_ids" in taken and (alone or _sub(config, "text_config") is not config):
        _add_text(found, config, taken)
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in taken:
        _add_decoder(found, config)
    if not found.inputs:
        raise WorkerFault(
            "INPUT_UNKNOWN",
            "{} is a {}, whose inputs are none of text, image or audio".format(title, model_class.__name__),
            "bring it by a function that makes them: --model module:function",
        )
    return found


def _add_text(found: Declared, config: Any, taken: Any) -> None:
    text = _sub(config, "text_config")
    limit = _first(text, _POSITIONS)
    most = limit if limit else MOST_SIZE
    found.inputs.append(Input("input_ids", "int64", (BATCH, TOKENS)))
    found.ranges["input_ids"] = [0, int(_first(text, ("vocab_size",)) or 2) - 1]
    found.hints[TOKENS] = Hint(min(_USUAL_TOKENS, most), 1, most)
    if "attention_mask" in taken:
        found.inputs.append(Input("attention_mask", "int64", (BATCH, TOKENS)))
    kinds = _first(text, ("type_vocab_size",))
    if "token_type_ids" in taken and kinds:
        found.inputs.append(Input("token_type_ids", "int64", (BATCH, TOKENS)))
        found.ranges["token_type_ids"] = [0, kinds - 1]


def _add_decoder(found: Declared, config: Any) -> None:
    limit = _first(config, ("max_target_positions", "max_position_embeddings", "n_positions"))
    most = limit if limit else MOST_SIZE
    found.inputs.append(Input("decoder_input_ids", "int64", (BATCH, DECODER_TOKENS)))
    found.ranges["decoder_input_ids"] = [0, int(_first(config, ("vocab_size",)) or 2) - 1]
    found.hints[DECODER_TOKENS] = Hint(min(8, most), 1, most)


def _add_image(found: Declared, config: Any, preprocessor: Dict[str, Any]) -> None:
    vision = _sub(config, "vision_config")
    channels = _first(vision, ("num_channels", "in_channels", "in_chans")) or 3
    height, width = _size(getattr(vision, "image_size", None)) or (None, None)
    if height is None:
        own = preprocessor.get("crop_size") or preprocessor.get("size")
        height, width = _size(own) or (None, None)
        found.hints[PIXELS] = Hint(height or _USUAL_PIXELS)
        height = width = None
    sizes = (PIXELS, PIXELS) if height is None else (height, width)
    found.inputs.append(Input("pixel_values", "float32", (BATCH, int(channels)) + sizes))


def _add_spectrum(found: Declared, config: Any, preprocessor: Dict[str, Any]) -> None:
    """Of Whisper the encoder's positions fix the frames: its second convolution halves them."""
    audio = _sub(config, "audio_config")
    bins = _first(audio, ("num_mel_bins", "input_feat_per_channel")) or preprocessor.get("feature_size") or 80
    positions = _first(audio, ("max_source_positions",))
    frames = 2 * positions if positions else None  # type: Any
    if frames is None:
        frames = "frames_of_sound"
        found.hints[frames] = Hint(1000)
    found.inputs.append(Input("input_features", "float32", (BATCH, int(bins), frames)))


def _add_sound(found: Declared, config: Any) -> None:
    bins, length = _first(config, ("num_mel_bins",)), _first(config, ("max_length",))
    if bins and length and hasattr(config, "frequency_stride"):  # a picture of the sound
        found.inputs.append(Input("input_values", "float32", (BATCH, length, bins)))
        return
    found.inputs.append(Input("input_values", "float32", (BATCH, SAMPLES)))
    found.hints[SAMPLES] = Hint(_USUAL_SAMPLES)


def _sub(config: Any, name: str) -> Any:
    """The part of a config that is of one kind of input; all of it where it has no parts."""
    return getattr(config, name, None) or config


def _first(config: Any, names: Any) -> Optional[int]:
    found = (getattr(config, name, None) for name in names)
    return next((value for value in found if isinstance(value, int) and value > 0), None)


def _size(value: Any) -> Optional[Tuple[int, int]]:
    """Height and width of 224, [224, 224], {"height": 224, "width": 224} or {"shortest_edge": 224}."""
    if isinstance(value, int):
        return value, value
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return int(value[0]), int(value[1])
    if isinstance(value, dict):
        edge = value.get("shortest_edge")
        height, width = value.get("height", edge), value.get("width", edge)
        return (int(height), int(width)) if height and width else None
    return None
