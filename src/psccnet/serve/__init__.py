"""The page and the API on one's own machine: `psccnet serve`; needs the extra `serve` and no torch."""
