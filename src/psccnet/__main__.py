"""The command `psccnet`, `python -m psccnet`, and what torchrun starts: `torchrun -m psccnet train ...`."""


def main() -> None:
    """Run the command; see `psccnet.cli.main`."""
    # Processes that the command starts import this module again, and need no command.
    from psccnet.cli import main as run

    run()


if __name__ == "__main__":
    main()
