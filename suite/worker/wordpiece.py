"""BERT's tokens of a sentence, lower-cased, from its vocab.txt: what differs from version to version of libraries.

Source: Devlin et al., NAACL 2019, and the published vocabulary's own conventions ("##" continues a word).
"""

import unicodedata
from typing import Dict, Iterator, List

from suite.worker.files import open_regular
from suite.worker.outcome import WorkerFault

_LONGEST_WORD = 100  # characters; what is longer is unknown
_LARGEST_BYTES = 16 * 2**20
_SPECIAL = ("[UNK]", "[CLS]", "[SEP]")


def read(path: str) -> Dict[str, int]:
    """Words by their line. Raises WorkerFault EVALUATION_DATA."""
    remedy = "give the vocab.txt of bert-base-uncased"
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST_BYTES + 1)
        words = content.decode("utf-8").split("\n")
    except OSError as error:
        raise WorkerFault("EVALUATION_DATA", "{}: {}".format(path, error.strerror or error), remedy) from error
    except ValueError as error:
        raise WorkerFault("EVALUATION_DATA", "{}: it is no text".format(path), remedy) from error
    found = {word.strip(): place for place, word in enumerate(words) if word.strip()}
    if not all(word in found for word in _SPECIAL):
        raise WorkerFault("EVALUATION_DATA", "{}: it lacks {}".format(path, " or ".join(_SPECIAL)), remedy)
    return found


class Tokens:
    """A sentence as ids, [CLS] before and [SEP] behind it, cut to the longest."""

    def __init__(self, words: Dict[str, int], longest: int) -> None:
        self._words = words
        self._longest = longest

    def __call__(self, sentence: str) -> List[int]:
        unknown, start, end = (self._words[word] for word in _SPECIAL)
        ids: List[int] = []
        for word in _split(sentence):
            ids += self._pieces(word) or [unknown]
        return [start] + ids[: self._longest - 2] + [end]

    def _pieces(self, word: str) -> List[int]:
        """The longest known beginning, again and again; none if a part is unknown."""
        ids: List[int] = []
        at = 0
        while at < len(word) <= _LONGEST_WORD:
            prefix = "##" if at else ""
            ends = (end for end in range(len(word), at, -1) if prefix + word[at:end] in self._words)
            end = next(ends, None)
            if end is None:
                return []
            ids.append(self._words[prefix + word[at:end]])
            at = end
        return ids


def _split(sentence: str) -> Iterator[str]:
    """Words without accents, punctuation by itself."""
    word = ""
    for character in unicodedata.normalize("NFD", sentence.lower()):
        kind = unicodedata.category(character)
        if kind == "Mn" or kind.startswith("C"):
            continue
        is_mark = kind.startswith("P") or (kind.startswith("S") and ord(character) < 128)
        if character.isspace() or is_mark:
            if word:
                yield word
            word = ""
            if is_mark:
                yield character
        else:
            word += character
    if word:
        yield word
