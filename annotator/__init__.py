"""The web application: people, rows, permissions, time."""

__version__ = "0.1.0"
