"""Pictures with ground truth: one module for each data set, each yields `psccnet.pictures.sample.Sample`."""
