"""Training with pytorch-lightning: recipe, data, task, run (Sections III-C and IV-A.3)."""
