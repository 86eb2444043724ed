"""What is taken away: one self-contained page, leaderboards as text, and predictions in the formats of other tools.

Everything is read from stored evaluations; nothing here counts a score or an interval, and nothing needs a model.
"""
