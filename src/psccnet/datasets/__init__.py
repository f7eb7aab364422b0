"""Pictures with ground truth: one module a data set, each yielding `psccnet.pictures.sample.Sample`."""
