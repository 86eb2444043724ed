"""Reports, leaderboards and predictions for other tools, all from stored evaluations; nothing here needs a model."""
