"""Commands of two words: `suite models ...` and `suite image ...`. Each imports what it needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli import words
from suite.cli.answer import Answer
from suite.cli.declared import command
from suite.cli.options import ANSWER, Given
from suite.cli.session import help_unless_command, session_of
from suite.errors import UsageError

models = typer.Typer(help="What is pinned of each model.", rich_markup_mode=None, invoke_without_command=True)
image = typer.Typer(
    help="An image of the suite in the Docker engine.", rich_markup_mode=None, invoke_without_command=True
)

Folder = Annotated[
    Path | None, typer.Option("--to", metavar="FOLDER", help="Where they lie; SUITE_WEIGHTS or the user's cache else.")
]
ImageName = Annotated[str | None, typer.Argument(metavar="[IMAGE]", help="The newest one of the suite if left out.")]


@image.callback()
@models.callback()
def group(context: typer.Context) -> None:
    help_unless_command(context)


@command(models, "lock", example="suite models lock --check", takes=("model", *ANSWER))
def lock(
    context: typer.Context,
    given: Given,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing: is what this machine makes as models.lock says?")
    ] = False,
) -> Answer:
    """Count and hash every model here; write or check the lock."""
    from suite.cli import locking

    tools = session_of(context, given).tools
    if check:
        return locking.check(tools, words.names(given.model, "--model") or ())
    if given.model:
        raise UsageError("--model needs --check: models.lock is written whole")
    return locking.write(tools)


@command(models, "fetch", example="suite models fetch --model lxmert", takes=("model", "trust_remote_code", *ANSWER))
def fetch(
    context: typer.Context,
    given: Given,
    hub: Annotated[
        str | None, typer.Option("--hub", metavar="URL", help="HF_ENDPOINT or https://huggingface.co else.")
    ] = None,
    to: Folder = None,
    record: Annotated[
        bool, typer.Option("--record", help="Trust what has no hash yet, and write its hash into models.lock.")
    ] = False,
) -> Answer:
    """Fetch published weights as pinned, and convert them.

    Each file is held against models.lock to the byte; what comes out is safetensors. hf:OWNER/NAME@COMMIT brings any
    other model of a hub, to be measured by the same word.
    """
    from suite.cli import fetching

    request = fetching.Request(
        names=words.names(given.model, "--model"),
        folder=to,
        hub=hub,
        record_hashes=record,
        trust_remote_code=given.trust_remote_code,
    )
    return fetching.fetch_all(request, session_of(context, given).tools)


@command(models, "verify", example="suite models verify", takes=("model", *ANSWER))
def verify(
    context: typer.Context,
    given: Given,
    to: Folder = None,
) -> Answer:
    """Hold what was fetched against models.lock, byte by byte."""
    from suite.cli import fetching

    session_of(context, given)
    return fetching.verify_all(fetching.Request(names=words.names(given.model, "--model"), folder=to))


@command(image, "info", example="suite image info", takes=ANSWER)
def info(context: typer.Context, given: Given, name: ImageName = None) -> Answer:
    """Say what an image is, and whether it fits this machine.

    And this checkout: an image of another commit gives other figures.
    """
    from suite.cli import image as answers

    return answers.info(name, session_of(context, given).tools.engine())


@command(image, "digest", example="suite image digest", takes=ANSWER)
def digest(context: typer.Context, given: Given, name: ImageName = None) -> Answer:
    """Print what an image is pulled by, as records name it.

    Its id where it was never pushed.
    """
    from suite.cli import image as answers

    return answers.digest(name, session_of(context, given).tools.engine())


@command(image, "labels", example="suite image labels", takes=ANSWER)
def labels(context: typer.Context, given: Given, name: ImageName = None) -> Answer:
    """Print what an image says of itself."""
    from suite.cli import image as answers

    return answers.labels(name, session_of(context, given).tools.engine())
