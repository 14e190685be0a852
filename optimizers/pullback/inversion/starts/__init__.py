"""Starting points of restarts: draws, the prior's mean, and samples of a bank that resemble the target."""
