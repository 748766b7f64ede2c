"""Completion of the command line in shells: the script that a shell loads, and what may stand where.

Knows click's protocol with shells. Starts and imports nothing of the application: a key press must not run its code,
so of commands it offers those that the capabilities name.
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class, shell_complete

__all__ = ["COMPLETE", "complete", "complete_commands", "complete_workers", "completion"]

#: The variable by which a shell asks `stockade` for completions.
COMPLETE = "_STOCKADE_COMPLETE"

_EXAMPLE = """\
\b
Examples:
  eval "$(stockade completion bash)"                                      in ~/.bashrc
  eval "$(stockade completion zsh)"                                       in ~/.zshrc
  stockade completion fish > ~/.config/fish/completions/stockade.fish     once
"""


@click.command(epilog=_EXAMPLE)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, workers and files.

    Of an application's commands it completes those that a capability names in full: a command that only a pattern
    allows (notes.*) is not offered, since a key press must not run the application's code to find it.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is unknown to the installed version of click")
    script = kind(ctx.find_root().command, {}, "stockade", COMPLETE)
    # Not `source()`, which also starts a bash to look at its version, and warns on standard output.
    click.echo(script.source_template % script.source_vars())


def complete(cli: click.Command, instruction: str) -> int:
    """Answer a shell's `instruction`; the exit code."""
    return shell_complete(cli, {}, "stockade", COMPLETE, instruction)


def complete_workers(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The labels in the configuration, with those of replicas."""
    from stockade.config.load import survey  # a shell asks rarely, and `stockade run` never

    configuration = survey(ctx.params.get("file") or "stockade.toml").configuration
    labels = [label for spec in configuration.workers if spec.label for label in (spec.label, *spec.labels)]
    return [label for label in dict.fromkeys(labels) if label.startswith(incomplete)]


def complete_commands(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The commands that a capability names without a star."""
    from stockade.config.load import survey

    names: set[str] = set()
    for capability in survey(ctx.params.get("file") or "stockade.toml").configuration.capabilities:
        names.update(rule.pattern for rule in capability.commands.allow if "*" not in rule.pattern)
        names.update(capability.scopes)
    return sorted(name for name in names if name.startswith(incomplete))
