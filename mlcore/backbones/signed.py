"""Features that may be negative, for a projection that takes square roots of what is not."""

import torch


def both_signs(features: torch.Tensor) -> torch.Tensor:
    """(n, d) of any sign -> (n, 2 d): how far each is above zero, then how far below; nothing is lost."""
    return torch.cat([features.clamp_min(0), (-features).clamp_min(0)], dim=1)
