"""How fast the processor is just now, where no file tells its clock: the time of a fixed product of matrices.

On a virtual machine neither a clock nor stolen time tells that its cores became two halves of one, or that a neighbour
lowered the clock of the chip: arithmetic takes a quarter longer, for half a minute. The product is always the same, so
its time tells the machine's state and nothing of the model.
"""

from typing import Any, Callable, Optional

SIZE = 192
READING_COUNT = 4  # the fastest counts: the first wakes the threads

Clock = Callable[[], float]


class Pace:
    """Made once, with the threads that the calls use."""

    def __init__(self, torch: Any, clock: Clock) -> None:
        self._torch, self._clock = torch, clock
        with torch.no_grad():
            self._factor = torch.full((SIZE, SIZE), 1.0 / SIZE)
            self._product = torch.zeros(SIZE, SIZE)

    def read(self) -> Optional[float]:
        """Seconds of the product."""
        fastest_s = None
        with self._torch.no_grad():
            for _ in range(READING_COUNT):
                began_s = self._clock()
                self._torch.mm(self._factor, self._factor, out=self._product)
                passed_s = self._clock() - began_s
                fastest_s = passed_s if fastest_s is None else min(fastest_s, passed_s)
        return fastest_s
