"""What can differ between two Episodic Transformers: as the original's `args` name it, and as tensors show it."""

import math
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

PATHS = (  # of what has a place in `args`: the field here, the path there
    ("width", "demb"),
    ("head_count", "encoder_heads"),
    ("layer_count", "encoder_layers"),
    ("seen_action_count", "num_input_actions"),
    ("language_layer_count", "encoder_lang.layers"),
    ("shares_language_encoder", "encoder_lang.shared"),
    ("has_language_positions", "encoder_lang.pos_enc"),
    ("has_instruction_positions", "encoder_lang.instr_enc"),
    ("has_positions", "enc.pos"),
    ("has_learned_positions", "enc.pos_learn"),
    ("has_token_kinds", "enc.token"),
    ("has_dataset_encoding", "enc.dataset"),
    ("has_progress_head", "progress_aux_loss_wt"),
    ("has_subgoal_head", "subgoal_aux_loss_wt"),
)
_HEADS = ("has_progress_head", "has_subgoal_head")  # a head is there if the weight of its loss is above 0
_UNSEEN = ("head_count", "seen_action_count")  # no tensor tells them
_MADE_ANEW = ("has_language_positions", "has_instruction_positions", "has_positions")
_PARTS = {  # a tensor that is there if the network has the part
    "has_language_positions": "encoder_lang.enc_pos.pe",
    "has_instruction_positions": "encoder_lang.enc_instr.pe",
    "has_positions": "encoder_vl.enc_pos.pe",
    "has_learned_positions": "encoder_vl.enc_pos_learn.emb.weight",
    "has_token_kinds": "encoder_vl.enc_token.emb.weight",
    "has_dataset_encoding": "dataset_enc.emb.weight",
    "has_progress_head": "dec_progress.weight",
    "has_subgoal_head": "dec_subgoal.weight",
}
_LANGUAGE = "encoder_lang.enc_transformers."
_ABSENT = object()


class Configuration(NamedTuple):
    """A network's sizes and parts. The defaults are the published ones; rows of the embeddings are the data set's."""

    word_counts: Mapping[str, int]  # rows of each data set's vocabulary
    action_count: int
    object_count: int = 82
    width: int = 768
    head_count: int = 12
    layer_count: int = 2
    seen_action_count: int = 1  # how many actions before its own a frame sees
    language_layer_count: int = 2
    shares_language_encoder: bool = True
    has_language_positions: bool = True
    has_instruction_positions: bool = False
    has_positions: bool = True
    has_learned_positions: bool = False
    has_token_kinds: bool = False
    has_dataset_encoding: bool = False
    has_progress_head: bool = True
    has_subgoal_head: bool = True
    dataset_names: Tuple[str, ...] = ()  # rows of the data sets' encoding, in order

    @property
    def vocabulary(self) -> str:
        """The data set whose words are read: the one with the most, the human one where there is a synthetic one."""
        return max(self.word_counts, key=lambda name: self.word_counts[name])

    def differences(self, vocabulary_count: int) -> List[str]:
        """In what it is not the published network, whose variant has vocabulary_count vocabularies."""
        published = Configuration({}, 0)
        told = [
            "{}={} (published: {})".format(path, _show(field, getattr(self, field)), _show(field, value))
            for field, path in PATHS
            for value in [getattr(published, field)]
            if getattr(self, field) != value
        ]
        if self.object_count != published.object_count:
            told.append("{} object classes (published: {})".format(self.object_count, published.object_count))
        if len(self.word_counts) != vocabulary_count:
            told.append("{} vocabularies (published: {})".format(len(self.word_counts), vocabulary_count))
        return told


def told(args: Any) -> Dict[str, Any]:
    """The fields that `args` say. Raises ValueError naming the first whose value is none that it could have."""
    found = {}
    _refuse_unknown_parts(args)
    for field, path in PATHS:
        value = _at(args, path.split("."))
        if value is not _ABSENT:
            found[field] = _checked(field, path, value)
    return found


def seen(tables: Mapping[str, int], tensors: Mapping[str, Any]) -> Dict[str, Any]:
    """The fields that a file's tensors tell; tables: rows of its vocabularies by name."""
    found: Dict[str, Any] = {field: name in tensors for field, name in _PARTS.items()}
    action_count, width = tensors["emb_action.weight"].shape
    encoders = [_LANGUAGE + name for name in tables]
    found.update(
        word_counts=tables,
        action_count=action_count,
        object_count=len(tensors["dec_object.linear.bias"]),
        width=width,
        layer_count=_layer_count("encoder_vl.enc_transformer", tensors),
        language_layer_count=_layer_count(encoders[0], tensors),
        shares_language_encoder=all(_same(encoders[0], other, tensors) for other in encoders[1:]),
    )
    return found


def chosen(told: Mapping[str, Any], seen: Mapping[str, Any], args: Any) -> Configuration:
    """The network that args and tensors tell of. Raises ValueError where they contradict each other, or where it is one
    that can't be built or measured."""
    for field, path in PATHS:
        if field in told and field in seen and not _agree(field, told[field], seen[field]):
            said, shown = _show(field, told[field]), _show(field, seen[field])
            raise ValueError("contradicts itself: args.{} is {}, and by its tensors it is {}".format(path, said, shown))
    made = Configuration(**dict(seen, **dict(told)))
    if made.width % 2 or made.head_count < 1 or made.width % made.head_count:
        raise ValueError("has encoder_heads={} for demb={}".format(made.head_count, made.width))
    if made.layer_count < 1 or made.seen_action_count < 1:
        text = "has encoder_layers={} and num_input_actions={}: some input reaches no output"
        raise ValueError(text.format(made.layer_count, made.seen_action_count))
    return _with_dataset_names(made, args) if made.has_dataset_encoding else made


def assumed(told: Mapping[str, Any], made: Configuration) -> List[str]:
    """What neither the args nor the tensors tell, and is taken as published."""
    fields = [(field, path) for field, path in PATHS if field in _UNSEEN and field not in told]
    return ["{}={} (assumed: the file doesn't say)".format(path, getattr(made, field)) for field, path in fields]


def _with_dataset_names(made: Configuration, args: Any) -> Configuration:
    """Raises ValueError where the row of the data set that is read can't be told."""
    names = _at(args, ["data", "train"])
    names = names.split(",") if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or made.vocabulary not in names:
        raise ValueError("has enc.dataset, and its args.data.train doesn't name {!r}".format(made.vocabulary))
    return made._replace(dataset_names=tuple(map(str, names)))


def _refuse_unknown_parts(args: Any) -> None:
    """An encoding that another version has may bring no tensor with it, so that nothing else would tell of it."""
    known = {path for _, path in PATHS}
    for group in ("enc", "encoder_lang"):
        options = _at(args, [group])
        for name, value in sorted(options.items(), key=str) if isinstance(options, Mapping) else ():
            path = "{}.{}".format(group, name)
            if value and path not in known:
                raise ValueError("says args.{} is {!r}, which the original's code doesn't know".format(path, value))


def _agree(field: str, told: Any, seen: Any) -> bool:
    """A table of sinusoids can be made anew, and separate encoders may be equal."""
    tolerated = (field in _MADE_ANEW and told is True) or (field == "shares_language_encoder" and told is False)
    return bool(told == seen) or tolerated


def _layer_count(encoder: str, tensors: Mapping[str, Any]) -> int:
    """How many layers are named; a gap in their numbers is found when each is asked for."""
    start = encoder + ".layers."
    return len({name[len(start) :].partition(".")[0] for name in tensors if name.startswith(start)})


def _same(first: str, other: str, tensors: Mapping[str, Any]) -> bool:
    """Whether two encoders have the same tensors, or the other one has none."""
    import torch

    pairs = [
        (tensors[name], tensors.get(other + name[len(first) :])) for name in tensors if name.startswith(first + ".")
    ]
    return all(right is not None and torch.equal(left, right) for left, right in pairs)


def _at(args: Any, path: List[str]) -> Any:
    for part in path:
        if not isinstance(args, Mapping) or part not in args:
            return _ABSENT
        args = args[part]
    return args


def _checked(field: str, path: str, value: Any) -> Any:
    published = getattr(Configuration({}, 0), field)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if field in _HEADS:
        if not is_number or math.isnan(value):
            raise ValueError("says args.{} is {!r}, not the weight of a loss".format(path, value))
        return value > 0
    if isinstance(published, bool):
        if not isinstance(value, (bool, int)) or value not in (0, 1):
            raise ValueError("says args.{} is {!r}, neither True nor False".format(path, value))
        return bool(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("says args.{} is {!r}, not a count".format(path, value))
    return value


def _show(field: str, value: Any) -> str:
    return ("above 0" if value else "0") if field in _HEADS else str(value)
