"""Pictures with ground truth: one module a data set, each yielding `psccnet.datasets.sample.Sample`."""
