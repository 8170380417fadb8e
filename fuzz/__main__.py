"""Fuzz how one kind of answer is read: ``python -m fuzz NAME [OPTION OF libFuzzer…] [FILE…]``.

With files, only these are read.

What is found to reach something new is kept in ``.fuzz/NAME/`` and begun with the next time; what
gept does not survive is written beside it as ``crash-…`` or ``timeout-…``, and ends the run.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from shutil import copy

import atheris

with atheris.instrument_imports(include=["gept.decode", "gept.collectors", "answers"]):
    from answers import BY_NAME, Answer, survive

    import_module("gept.decode.rss")  # the collectors import it late

KEPT = Path(".fuzz")
WORDS = Path(__file__).parent / "words.dict"
LIMITS = [
    "-timeout=10",
    "-rss_limit_mb=2048",
    "-max_len=20000",
    "-verbosity=0",
    "-print_final_stats=1",
]


def prepared(answer: Answer) -> Path:
    """Return the folder of what a fuzzer begins with: the true answer, and what it found before."""
    corpus = KEPT / answer.name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for payload in sorted((KEPT / answer.name).glob("crash-*")):
        copy(payload, corpus)
    (corpus / answer.file).write_bytes(answer.payload)
    return corpus


def main() -> None:
    """Fuzz until told to stop, or until something is found."""
    name, *options = sys.argv[1:] or [""]
    if name not in BY_NAME:
        sys.exit(f"name one of: {', '.join(BY_NAME)}")
    answer = BY_NAME[name]
    corpus = prepared(answer)
    kept = f"-artifact_prefix={corpus.parent}/"
    begin = [] if any(not each.startswith("-") for each in options) else [str(corpus)]
    arguments = [sys.argv[0], *LIMITS, f"-dict={WORDS}", kept, *options, *begin]
    atheris.Setup(arguments, lambda body: survive(answer, body, at_most=5.0))
    atheris.Fuzz()


main()
