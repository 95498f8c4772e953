"""The agent of an enrolled device: it fetches what the workspace orders, proves it, lets it serve, and can go back."""
