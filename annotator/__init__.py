"""The web application: people, rows, permissions, time."""
