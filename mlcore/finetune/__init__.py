"""Fine-tuning: a backbone learns from the labels of one project, in the background, on what it has computed once.

`train.finetune` is the whole of it: pictures and labels in, weights and history out. `run` is the same as a process,
alone or one of many under torchrun; `recipe` holds every choice that there is.
"""
