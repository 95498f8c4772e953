"""Why a command cannot go on, in one sentence that a person can act on."""


class Refusal(Exception):
    """The command stops with exit code 2 and prints this sentence, never a traceback."""
