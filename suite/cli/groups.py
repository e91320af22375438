"""Commands of two words: `suite models ...` and `suite image ...`. Each imports what it needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli import words
from suite.cli.declared import command
from suite.cli.options import ANSWER, Given
from suite.cli.session import help_unless_command, session_of
from suite.errors import UsageError

models = typer.Typer(help="What is pinned of each model.", rich_markup_mode=None, invoke_without_command=True)
image = typer.Typer(
    help="An image of the suite in the Docker engine.", rich_markup_mode=None, invoke_without_command=True
)

PinnedNames = Annotated[
    list[str] | None, typer.Option("--model", "-m", metavar="NAME", help="This model or tokenizer (again for more).")
]
Folder = Annotated[
    Path | None, typer.Option("--to", metavar="FOLDER", help="Where they lie; SUITE_WEIGHTS or the user's cache else.")
]
ImageName = Annotated[str | None, typer.Argument(metavar="[IMAGE]", help="The newest one of the suite if left out.")]


@image.callback()
@models.callback()
def group(context: typer.Context) -> None:
    help_unless_command(context)


@command(models, "lock", example="suite models lock --check", takes=ANSWER)
def lock(
    context: typer.Context,
    given: Given,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing: is what this machine makes as models.lock says?")
    ] = False,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", metavar="NAME", help="With --check, this one (again for more).")
    ] = None,
) -> int:
    """Count and hash every model here, and write models.lock anew; or check that seeded weights come out as locked."""
    from suite.cli import locking

    tools = session_of(context, given).tools
    if check:
        return locking.check(tools, words.names(model) or (), as_json=given.as_json)
    if model:
        raise UsageError("--model needs --check: models.lock is written whole")
    return locking.write(tools, as_json=given.as_json)


@command(models, "fetch", example="suite models fetch --model lxmert", takes=ANSWER)
def fetch(
    context: typer.Context,
    given: Given,
    model: PinnedNames = None,
    hub: Annotated[
        str | None, typer.Option("--hub", metavar="URL", help="HF_ENDPOINT or https://huggingface.co else.")
    ] = None,
    to: Folder = None,
    record: Annotated[
        bool, typer.Option("--record", help="Trust what has no hash yet, and write its hash into models.lock.")
    ] = False,
) -> int:
    """Fetch published weights as models.lock pins them, to the byte, and convert them to safetensors."""
    from suite.cli import fetching

    request = fetching.Request(names=words.names(model), folder=to, hub=hub, record_hashes=record)
    return fetching.fetch_all(request, session_of(context, given).tools, as_json=given.as_json)


@command(models, "verify", example="suite models verify", takes=ANSWER)
def verify(
    context: typer.Context,
    given: Given,
    model: PinnedNames = None,
    to: Folder = None,
) -> int:
    """Hold what was fetched against models.lock, reading each byte again."""
    from suite.cli import fetching

    session_of(context, given)
    return fetching.verify_all(fetching.Request(names=words.names(model), folder=to), as_json=given.as_json)


@command(image, "info", example="suite image info", takes=ANSWER)
def info(context: typer.Context, given: Given, name: ImageName = None) -> int:
    """Say what an image of the suite is, and whether it fits this checkout and this machine."""
    from suite.cli import image as answers

    return answers.info(name, session_of(context, given).tools.engine(), as_json=given.as_json)


@command(image, "digest", example="suite image digest", takes=ANSWER)
def digest(context: typer.Context, given: Given, name: ImageName = None) -> int:
    """Print what an image is pulled by, as records name it; its id where it was never pushed."""
    from suite.cli import image as answers

    return answers.digest(name, session_of(context, given).tools.engine(), as_json=given.as_json)


@command(image, "labels", example="suite image labels", takes=ANSWER)
def labels(context: typer.Context, given: Given, name: ImageName = None) -> int:
    """Print what an image says of itself."""
    from suite.cli import image as answers

    return answers.labels(name, session_of(context, given).tools.engine(), as_json=given.as_json)
