"""Who watches: health, metrics and logs, each a callable of one event."""
