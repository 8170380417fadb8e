"""How the certificate stands that is served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Certified:
    """When the certificate that is served ends (UTC), and why a newer one is not, if there is."""

    ends: datetime
    refused: str | None = None

    def ended(self, now: datetime) -> bool:
        """Tell whether it is over."""
        return self.ends <= now

    def ending(self, now: datetime) -> bool:
        """Tell whether it is over, or will be soon."""
        return self.ends - now <= SOON

    def term(self, now: datetime) -> str:
        """Return when it ends, or ended."""
        return f"{'ended' if self.ended(now) else 'ends'} at {self.ends:%Y-%m-%dT%H:%M:%SZ}"

    def warnings(self, now: datetime) -> list[str]:
        """Return what somebody should see to."""
        found = [f"certificate: a new one is not served: {self.refused}"] if self.refused else []
        if self.ending(now):
            found.append(f"certificate: it {self.term(now)}; renew it")
        return found
