"""The command as a module: `python -m psccnet`, or `torchrun -m psccnet train ...`."""

from psccnet.cli import main

if __name__ == "__main__":
    main()
