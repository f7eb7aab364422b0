"""`python -m psccnet`, and what torchrun starts: `torchrun -m psccnet train ...`."""

from psccnet.cli import main

if __name__ == "__main__":
    main()
