"""What both variants of the Episodic Transformer share as plug-ins; they differ in their vocabularies."""

from typing import Any, Callable, Dict, List, Tuple

from suite.worker.et import checkpoint, trajectory
from suite.worker.et.configuration import Configuration
from suite.worker.model import Axis, Model

_FRAME_SHAPE = (512, 7, 7)
_WORD_COUNT = 2235  # rows of the human vocabulary, as seeded
_ACTION_COUNT = 18
_SAMPLE_STEP_COUNT = 3  # enough for each input, the previous action among them, to reach an output


class EpisodicTransformerModel(Model):
    task = "embodied instruction following"
    axes = (
        Axis("text_tokens", "text tokens", 100, 2, 250),
        Axis("frames", "frames", 50, 2, 1000),  # with the text, 1,250 positions
    )
    scenarios = ("forward", "episode")
    packages = ("torch",)
    takes_checkpoint = True
    takes_trajectory = True
    source = (
        "Pashevich, Schmid, Sun, ICCV 2021; this suite's own implementation of the published network, "
        "which loads its checkpoints"
    )
    word_counts: Dict[str, int] = {}

    def build(self, options: Dict[str, Any]) -> Any:
        from suite.worker.et.network import EpisodicTransformer

        path = options.get("checkpoint")
        if path is None:
            return EpisodicTransformer(Configuration(self.word_counts, _ACTION_COUNT))
        found = checkpoint.read(path, len(self.word_counts))
        module = EpisodicTransformer(found.chosen)
        checkpoint.check(module, found)
        module.notes = found.notes
        return module

    def load_checkpoint(self, module: Any, path: str) -> None:
        checkpoint.load_into(module, path, len(self.word_counts))

    def configuration(self, module: Any) -> List[str]:
        return list(module.notes)

    def read_trajectory(self, path: str) -> trajectory.Trajectory:
        return trajectory.read(path)

    def own_sizes(self, trajectory: Any) -> Dict[str, int]:
        return {"text_tokens": len(trajectory.text_ids), "frames": len(trajectory.frames)}

    def inputs(self, batch_size: int, axes: Dict[str, int], source: Any) -> Dict[str, Any]:
        """text_ids [B, L], frames [B, T, 512, 7, 7] from 0 to 1 as after a ReLU, actions [B, T], and lengths [B].

        A trajectory is repeated over the batch, cut where it is longer than the axes say and padded where it is
        shorter; the lengths then tell the network what is padding.
        """
        token_count, frame_count = axes["text_tokens"], axes["frames"]
        if isinstance(source, trajectory.Trajectory):
            return trajectory.batch(source, batch_size, token_count, frame_count)
        return {
            "text_ids": source.child("text_ids").integers((batch_size, token_count), 1, _WORD_COUNT),
            "text_lengths": source.full((batch_size,), token_count),
            "frames": source.child("frames").fractions((batch_size, frame_count) + _FRAME_SHAPE),
            "actions": source.child("actions").integers((batch_size, frame_count), 1, _ACTION_COUNT),
            "frame_lengths": source.full((batch_size,), frame_count),
        }

    def bind(self, module: Any, inputs: Dict[str, Any], scenario: str) -> Tuple[Callable[[], Any], int]:
        """One pass over the whole episode, or in scenario "episode" one pass per step over all that was seen so far.

        The latter is how an agent runs the original. Ids beyond a checkpoint's smaller vocabulary wrap around.
        """
        inputs = dict(
            inputs,
            text_ids=inputs["text_ids"].remainder(module.word_count),
            actions=inputs["actions"].remainder(module.emb_action.num_embeddings),
        )
        if scenario == "forward":
            return (lambda: module(**inputs)), 1
        steps = [_history(inputs, frame_count) for frame_count in range(1, inputs["frames"].shape[1] + 1)]

        def run_episode() -> Any:
            return [{name: value[:, -1:] for name, value in module(**step).items()} for step in steps]

        return run_episode, len(steps)

    def sample(self, inputs: Dict[str, Any], scenario: str) -> Dict[str, Any]:
        first = super().sample(inputs, scenario)
        return _history(first, _SAMPLE_STEP_COUNT) if scenario == "episode" else first


def _history(inputs: Dict[str, Any], frame_count: int) -> Dict[str, Any]:
    """What an agent knows at its frame_count-th step. The action after the last frame is there and seen by nothing."""
    return dict(
        inputs,
        frames=inputs["frames"][:, :frame_count],
        actions=inputs["actions"][:, :frame_count],
        frame_lengths=inputs["frame_lengths"].clamp(max=frame_count),
    )
