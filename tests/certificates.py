"""Certificates as openssl makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

RSA = "rsa:2048"
EC = "ec -pkeyopt ec_paramgen_curve:prime256v1"


def make(folder: Path, kind: str = RSA, days: int = 2, key: str = "-nodes") -> tuple[Path, Path]:
    """Make a certificate that its own key has signed, in a new folder; ``days`` may be -1."""
    folder.mkdir()
    cert, made = folder / "cert.pem", folder / "key.pem"
    openssl(f"req -newkey {kind} -subj /CN=localhost {key}", "-keyout", made, "-out", cert)
    passed = "" if key == "-nodes" else "-passin pass:secret"
    openssl(f"x509 -req -days {days} {passed}", "-in", cert, "-signkey", made, "-out", cert)
    return cert, made


def signed(folder: Path, days: int = 2) -> tuple[Path, Path]:
    """Make a certificate that another has signed, which ends later and is in the same file."""
    root, root_key = make(folder, days=days + 30)
    cert, key = folder / "leaf.pem", folder / "leaf-key.pem"
    openssl(f"req -newkey {EC} -nodes -subj /CN=leaf", "-keyout", key, "-out", cert)
    by = ("-CA", root, "-CAkey", root_key, "-set_serial", "7")
    openssl(f"x509 -req -days {days}", "-in", cert, *by, "-out", cert)
    cert.write_text(cert.read_text() + root.read_text())
    return cert, key


def openssl(ask: str, *more: str | Path) -> str:
    """Run the program; return what it prints."""
    command = ["openssl", *ask.split(), *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
