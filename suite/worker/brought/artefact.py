"""What a worker asks of a loaded model that is no torch module: counts, hash, and what answers the timed calls."""

from typing import Any, Dict, List


class Artefact:
    """Takes the place of the module that `build` returns. Nothing of torch is asked of it."""

    def count_parameters(self) -> Dict[str, Any]:
        """The fields of complexity.count_parameters."""
        raise NotImplementedError

    def weights_sha256(self) -> str:
        raise NotImplementedError

    def count_flops(self, batch_size: int, axes: Dict[str, int]) -> Dict[str, Any]:
        """The fields of complexity.count_flops, without `configuration`. Raises WorkerFault NOTHING_COUNTED."""
        raise NotImplementedError

    def outputs(self, output: Any) -> List[Any]:
        return list(output)
