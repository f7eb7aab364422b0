"""The command `psccnet`, `python -m psccnet`, or `torchrun -m psccnet train ...`."""


def main() -> None:
    """Run the command; see `psccnet.cli.main`."""
    # Processes that the command starts import this module again, and do not need the command.
    from psccnet.cli import main as run

    run()


if __name__ == "__main__":
    main()
